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
  position: {
    sampler: async () => (await import('./position/sampler')).positionSampler,
    task: async () => (await import('./position/task')).positionTask,
    preview: async () => (await import('./position/preview')).positionPreview,
  },
  mae: {
    sampler: async () => (await import('./mae/sampler')).maeSampler,
    task: async () => (await import('./mae/task')).maeTask,
    preview: async () => (await import('./mae/preview')).maePreview,
  },
  genesis: {
    sampler: async () => (await import('./genesis/sampler')).genesisSampler,
    task: async () => (await import('./genesis/task')).genesisTask,
    preview: async () => (await import('./genesis/preview')).genesisPreview,
  },
  'volume-fusion': {
    sampler: async () => (await import('./volume-fusion/sampler')).volumeFusionSampler,
    task: async () => (await import('./volume-fusion/task')).volumeFusionTask,
    preview: async () => (await import('./volume-fusion/preview')).volumeFusionPreview,
  },
  rotation: {
    sampler: async () => (await import('./rotation/sampler')).rotationSampler,
    task: async () => (await import('./rotation/task')).rotationTask,
    preview: async () => (await import('./rotation/preview')).rotationPreview,
  },
  'rotate-restore': {
    sampler: async () => (await import('./rotate-restore/sampler')).rotateRestoreSampler,
    task: async () => (await import('./rotate-restore/task')).rotateRestoreTask,
    preview: async () => (await import('./rotate-restore/preview')).rotateRestorePreview,
  },
  jigsaw: {
    sampler: async () => (await import('./jigsaw/sampler')).jigsawSampler,
    task: async () => (await import('./jigsaw/task')).jigsawTask,
    preview: async () => (await import('./jigsaw/preview')).jigsawPreview,
  },
  simclr: {
    sampler: async () => (await import('./simclr/sampler')).simclrSampler,
    task: async () => (await import('./simclr/task')).simclrTask,
    preview: async () => (await import('./simclr/preview')).simclrPreview,
  },
  spark: {
    sampler: async () => (await import('./spark/sampler')).sparkSampler,
    task: async () => (await import('./spark/task')).sparkTask,
    preview: async () => (await import('./spark/preview')).sparkPreview,
  },
  simmim: {
    sampler: async () => (await import('./simmim/sampler')).simmimSampler,
    task: async () => (await import('./simmim/task')).simmimTask,
    preview: async () => (await import('./simmim/preview')).simmimPreview,
  },
  'swin-ssl': {
    sampler: async () => (await import('./swin-ssl/sampler')).swinSslSampler,
    task: async () => (await import('./swin-ssl/task')).swinSslTask,
    preview: async () => (await import('./swin-ssl/preview')).swinSslPreview,
  },
} satisfies Record<PretextName, TaskModules>);
