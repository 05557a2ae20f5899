import type { DownstreamDescriptor } from '../../tasks/descriptor';

export const segmentationDescriptor = {
  name: 'segmentation',
  title: 'segmentation: every voxel gets a class, or several where classes overlap',
  outputs: ['softmax', 'sigmoid'],
  labelMaps: true,
  networkTitle: 'A segmentation network',
  best: { metric: 'dice', goal: 'max' },
  charts: [
    {
      id: 'dice',
      title: 'Dice on held-out cases',
      metrics: ['dice'],
      heldOutOnly: true,
      atLeast: [0, 1],
      plotted: true,
    },
    { id: 'classes', title: 'Dice by class', metrics: ['dice/'], atLeast: [0, 1] },
  ],
  titles: { dice: 'Dice' },
} as const satisfies DownstreamDescriptor;
