import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { vocoPresets } from './presets';
import { vocoRules } from './rules';
import { vocoSchema } from './schema';

/** The section `method` of a config that pre-trains with VoCo, every default filled in. */
export type VocoMethod = FromSchema<typeof vocoSchema>;

export const vocoDescriptor = {
  name: 'voco',
  title: vocoSchema.title,
  schema: vocoSchema,
  presets: vocoPresets,
  rules: vocoRules,
  networkInput: ({ input }) => ({ path: ['method', 'input'], size: input }),
  credit: 'with VoCo (volume contrast, CVPR 2024)',
  heads: /^(proj_head\.|(student|teacher)\.layer\d)/,
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'accuracy',
      title: 'Position accuracy',
      unit: 'share of random crops',
      metrics: ['accuracy'],
      atLeast: [0, 1],
      plotted: true,
    },
    { id: 'collapse', title: 'Collapse monitor', metrics: ['baseSimilarity', 'featureStd'] },
  ],
  titles: {},
} as const satisfies PretextDescriptor<VocoMethod>;
