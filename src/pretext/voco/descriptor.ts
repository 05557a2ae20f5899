import type { PretextDescriptor } from '../../tasks/descriptor';

export const vocoDescriptor = {
  name: 'voco',
  title: 'VoCo: volume contrast, predict where a random crop lies among base crops',
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'accuracy',
      title: 'Position accuracy',
      unit: 'share of random crops',
      metrics: ['accuracy'],
      atLeast: [0, 1],
    },
    { id: 'collapse', title: 'Collapse monitor', metrics: ['baseSimilarity', 'featureStd'] },
  ],
  titles: {},
} as const satisfies Partial<PretextDescriptor>;
