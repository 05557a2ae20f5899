import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { classChart } from '../crops/descriptor';
import { augmentationRules, rowRules } from '../crops/rules';
import { rotationPresets } from './presets';
import { turnRules } from './rules';
import { rotationSchema } from './schema';

/** The section `method` of a config that pre-trains by rotation prediction, every default filled in. */
export type RotationMethod = FromSchema<typeof rotationSchema>;

export const rotationDescriptor = {
  name: 'rotation',
  title: rotationSchema.title,
  schema: rotationSchema,
  presets: rotationPresets,
  rules: ({ method, train }) => [
    ...turnRules(method),
    ...rowRules(method, train),
    ...augmentationRules(method.augment),
  ],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by telling how crops were turned (rotation prediction)',
  heads: /^(features|turn)\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [classChart],
  titles: {},
} as const satisfies PretextDescriptor<RotationMethod>;
