import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { classChart } from '../crops/descriptor';
import { augmentationRules, rowRules } from '../crops/rules';
import { positionPresets } from './presets';
import { placeRules } from './rules';
import { positionSchema } from './schema';

/** The section `method` of a config that pre-trains by classifying positions, every default filled in. */
export type PositionMethod = FromSchema<typeof positionSchema>;

export const positionDescriptor = {
  name: 'position',
  title: positionSchema.title,
  schema: positionSchema,
  presets: positionPresets,
  rules: ({ method, data, train }) => [
    ...placeRules(method, data.preprocess.resize),
    ...rowRules(method, train),
    ...augmentationRules(method.augment),
  ],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by classifying where crops lie (position labels)',
  heads: /^(features|place)\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [classChart],
  titles: {},
} as const satisfies PretextDescriptor<PositionMethod>;
