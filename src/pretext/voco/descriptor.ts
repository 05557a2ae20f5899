import type { FromSchema } from 'json-schema-to-ts';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { vocoPresets } from './presets';
import { vocoRules } from './rules';
import { vocoSchema } from './schema';

/** The section `method` of a config that pre-trains with VoCo, every default filled in. */
export type VocoMethod = FromSchema<typeof vocoSchema>;

/** Below this spread of the embeddings, all crops look the same to the network. A network that learns has about 1. */
export const collapseWarning = {
  metric: 'featureStd',
  below: 0.02,
  text:
    'the embeddings have collapsed: all crops look the same to the network (featureStd is near 0), and the run learns nothing more. ' +
    'Stop it and start again with a lower optimizer.lr, such as a third, or with a longer schedule.warmupSteps',
};

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
    { id: 'collapse', title: 'Collapse monitor', metrics: ['baseSimilarity', 'featureStd'], warning: collapseWarning },
  ],
  titles: {},
} as const satisfies PretextDescriptor<VocoMethod>;
