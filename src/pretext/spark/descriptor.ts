import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { correlationChart } from '../crops/descriptor';
import { augmentationRules, blockRules, evenBlockRules } from '../crops/rules';
import { sparkPresets } from './presets';
import { ratioRules } from './rules';
import { sparkSchema } from './schema';

/** The section `method` of a config that pre-trains with SparK, every default filled in. */
export type SparkMethod = FromSchema<typeof sparkSchema>;

export const sparkDescriptor = {
  name: 'spark',
  title: sparkSchema.title,
  schema: sparkSchema,
  presets: sparkPresets,
  rules: ({ method }) => [
    ...blockRules(method.crop, method.block, 'block'),
    ...evenBlockRules(method.block),
    ...ratioRules(method.ratio),
    ...augmentationRules(method.augment),
  ],
  refuses: ({ masking }) =>
    masking.includes('voxels') ? undefined : 'has no convolutions that can leave hidden voxels out',
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by restoring cubes that the encoder never sees (SparK, S3D)',
  heads: /^densify\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [correlationChart],
  titles: {},
} as const satisfies PretextDescriptor<SparkMethod>;
