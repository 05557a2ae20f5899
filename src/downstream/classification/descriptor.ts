import type { DownstreamDescriptor } from '../../tasks/descriptor';

export const classificationDescriptor = {
  name: 'classification',
  title: 'classification: every volume gets one class',
  outputs: ['classification'],
  labelMaps: false,
  networkTitle: 'A classification network',
  besideEncoder: '`features` and `head` turn its pooled features into logits',
  best: { metric: 'accuracy', goal: 'max' },
  charts: [
    { id: 'scores', title: 'F1 and AUC', metrics: ['f1', 'auc'], atLeast: [0, 1] },
    {
      id: 'accuracy',
      title: 'Accuracy',
      unit: 'share of volumes',
      metrics: ['accuracy'],
      atLeast: [0, 1],
      plotted: true,
    },
  ],
  titles: { f1: 'F1', auc: 'AUC' },
} as const satisfies DownstreamDescriptor;
