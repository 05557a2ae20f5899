import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { correlationChart } from '../crops/descriptor';
import { augmentationRules, blockRules } from '../crops/rules';
import { maePresets } from './presets';
import { maeSchema } from './schema';

/** The section `method` of a config that pre-trains with MAE, every default filled in. */
export type MaeMethod = FromSchema<typeof maeSchema>;

export const maeDescriptor = {
  name: 'mae',
  title: maeSchema.title,
  schema: maeSchema,
  presets: maePresets,
  rules: ({ method }) => [...blockRules(method.crop, method.block, 'block'), ...augmentationRules(method.augment)],
  hides: ({ block }) => ({ path: ['method', 'block'], edge: block }),
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by restoring hidden cubes (MAE)',
  heads: /^restore\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [correlationChart],
  titles: {},
} as const satisfies PretextDescriptor<MaeMethod>;
