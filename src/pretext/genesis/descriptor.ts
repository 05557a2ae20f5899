import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { correlationChart } from '../crops/descriptor';
import { augmentationRules } from '../crops/rules';
import { genesisPresets } from './presets';
import { genesisSchema } from './schema';

/** The section `method` of a config that pre-trains with Models Genesis, every default filled in. */
export type GenesisMethod = FromSchema<typeof genesisSchema>;

export const genesisDescriptor = {
  name: 'genesis',
  title: genesisSchema.title,
  schema: genesisSchema,
  presets: genesisPresets,
  rules: ({ method }) => augmentationRules(method.augment),
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'by undoing corruptions of crops (Models Genesis)',
  heads: /^$/,
  best: { metric: 'loss', goal: 'min' },
  charts: [correlationChart],
  titles: {},
} as const satisfies PretextDescriptor<GenesisMethod>;
