import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { correlationChart } from '../crops/descriptor';
import { augmentationRules } from '../crops/rules';
import { turnRules } from '../rotation/rules';
import { rotateRestorePresets } from './presets';
import { rotateRestoreSchema } from './schema';

/** The section `method` of a config that pre-trains by rotating and restoring, every default filled in. */
export type RotateRestoreMethod = FromSchema<typeof rotateRestoreSchema>;

export const rotateRestoreDescriptor = {
  name: 'rotate-restore',
  title: rotateRestoreSchema.title,
  schema: rotateRestoreSchema,
  presets: rotateRestorePresets,
  rules: ({ method }) => [...turnRules(method), ...augmentationRules(method.augment)],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by putting turned crops upright (rotate and restore)',
  heads: /^$/,
  best: { metric: 'loss', goal: 'min' },
  charts: [correlationChart],
  titles: {},
} as const satisfies PretextDescriptor<RotateRestoreMethod>;
