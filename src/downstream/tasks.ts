import { Registry } from '../registry/registry';
import type { TaskModules } from '../tasks';
import type { DownstreamName } from './descriptors';

/** The heavy halves of the downstream tasks: one line a task (its light half stands in descriptors.ts). */
export const downstreamTasks = new Registry<TaskModules>('downstream task', {
  segmentation: {
    sampler: async () => (await import('./segmentation/sampler')).segmentationSampler,
    task: async () => (await import('./segmentation/task')).segmentationTask,
  },
  classification: {
    sampler: async () => (await import('./classification/sampler')).classificationSampler,
    task: async () => (await import('./classification/task')).classificationTask,
  },
} satisfies Record<DownstreamName, TaskModules>);
