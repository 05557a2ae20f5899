import { Registry } from '../../../registry/registry';
import { cvprPaperDescriptor } from './cvpr-paper/descriptor';
import type { ObjectiveDescriptor } from './descriptor';
import { tpamiDescriptor } from './tpami/descriptor';
import { voco10kDescriptor } from './voco-10k/descriptor';

/** The light halves of the objectives: one line each (the heavy half stands in index.ts). */
const own = {
  'cvpr-paper': cvprPaperDescriptor,
  'voco-10k': voco10kDescriptor,
  tpami: tpamiDescriptor,
} as const satisfies Record<string, ObjectiveDescriptor>;

export type ObjectiveName = keyof typeof own;

/** Names of all objectives as a schema's enum. */
export const objectiveNames = ['cvpr-paper', 'voco-10k', 'tpami'] as const satisfies readonly ObjectiveName[];

export const objectiveDescriptors = new Registry<ObjectiveDescriptor>('objective', own);
