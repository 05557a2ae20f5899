import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { augmentationRules } from '../crops/rules';
import { simclrPresets } from './presets';
import { pairRules } from './rules';
import { simclrSchema } from './schema';
import { collapseWarning } from '../voco/descriptor';

/** The section `method` of a config that pre-trains with SimCLR, every default filled in. */
export type SimclrMethod = FromSchema<typeof simclrSchema>;

export const simclrDescriptor = {
  name: 'simclr',
  title: simclrSchema.title,
  schema: simclrSchema,
  presets: simclrPresets,
  rules: (config) => [...pairRules(config), ...augmentationRules(config.method.augment)],
  networkInput: ({ crop }) => ({ path: ['method', 'crop'], size: crop }),
  credit: 'with SimCLR on overlapping crops',
  heads: /^proj_head\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'retrieval',
      title: 'Found partners',
      unit: 'share of crops whose most similar one is their partner',
      metrics: ['found'],
      atLeast: [0, 1],
      plotted: true,
    },
    { id: 'featureStd', title: 'Spread of embeddings', metrics: ['featureStd'], warning: collapseWarning },
  ],
  titles: { found: 'Found partners' },
} as const satisfies PretextDescriptor<SimclrMethod>;
