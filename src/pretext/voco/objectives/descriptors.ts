import { Registry } from '../../../registry/registry';
import { cvprPaperDescriptor } from './cvpr-paper/descriptor';
import type { ObjectiveDescriptor } from './descriptor';
import { nnsslDescriptor } from './nnssl/descriptor';
import { softmaxDescriptor } from './softmax/descriptor';
import { tpamiDescriptor } from './tpami/descriptor';
import { voco10kDescriptor } from './voco-10k/descriptor';

/** The light halves of the objectives: one line each (the heavy half stands in index.ts). */
const own = {
  'cvpr-paper': cvprPaperDescriptor,
  'voco-10k': voco10kDescriptor,
  tpami: tpamiDescriptor,
  softmax: softmaxDescriptor,
  nnssl: nnsslDescriptor,
} as const satisfies Record<string, ObjectiveDescriptor>;

export type ObjectiveName = keyof typeof own;

/** Names of all objectives as a schema's enum. */
export const objectiveNames = [
  'cvpr-paper',
  'voco-10k',
  'tpami',
  'softmax',
  'nnssl',
] as const satisfies readonly ObjectiveName[];

export const objectiveDescriptors = new Registry<ObjectiveDescriptor>('objective', own);

/** Which teacher a config asks for: that of the objective's authors, none, or a moving average of the projector or of all. */
export const teacherChoices = ['objective', 'none', 'projector', 'network'] as const;

export type TeacherChoice = (typeof teacherChoices)[number];

/** What of the student a teacher follows. */
export function teacherNeeds(
  { needs }: Pick<ObjectiveDescriptor, 'needs'>,
  choice: TeacherChoice = 'objective',
): ObjectiveDescriptor['needs'] {
  if (choice === 'objective') return needs;
  return { teacherEncoder: choice === 'network', teacherProjector: choice !== 'none' };
}
