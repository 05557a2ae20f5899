import { Registry } from '../registry/registry';
import type { TaskModules } from '../tasks';
import type { PretextName } from './descriptors';

/** The heavy halves of the pretext tasks: one line a task (its light half stands in descriptors.ts). */
export const pretextTasks = new Registry<TaskModules>('pretext task', {
  voco: {
    sampler: async () => (await import('./voco/sampler')).vocoSampler,
    task: async () => (await import('./voco/task')).vocoTask,
    preview: async () => (await import('./voco/preview')).vocoPreview,
  },
  mae: {
    sampler: async () => (await import('./mae/sampler')).maeSampler,
    task: async () => (await import('./mae/task')).maeTask,
    preview: async () => (await import('./mae/preview')).maePreview,
  },
} satisfies Record<PretextName, TaskModules>);
