import type { MetricChart } from '../../tasks/descriptor';

/** How well tasks that restore an image do. */
export const correlationChart: MetricChart = {
  id: 'correlation',
  title: 'Correlation of restored voxels',
  unit: 'Pearson’s r',
  metrics: ['correlation'],
  atLeast: [0, 1],
  plotted: true,
};

/** How often tasks that tell a class are right. */
export const classChart: MetricChart = {
  id: 'accuracy',
  title: 'Accuracy',
  unit: 'share of rows',
  metrics: ['accuracy'],
  atLeast: [0, 1],
  plotted: true,
};
