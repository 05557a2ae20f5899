import type { PretextPreset } from '../../tasks/descriptor';

/** Z-scores over the whole volume, as the masked tasks' authors have them: a hidden voxel is then the mean. */
const zscore = { intensity: { kind: 'zscore' }, resize: null };

/** The figures of nnssl's `BaseVariableSparkMAETrainer`, and smaller ones. */
export const sparkPresets = {
  spark: {
    size: 'full',
    description: 'S3D as in nnssl: cubes of 16³ in crops of 160³ at 1 mm, 60 to 90 % hidden, 250,000 steps',
    config: {
      name: 'spark',
      method: {
        name: 'spark',
        crop: [160, 160, 160],
        ratio: [0.6, 0.9],
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.99, weightDecay: 0.00003, clipNorm: 12 },
      schedule: { warmupSteps: 0 },
      train: { steps: 250000, batch: 8 },
    },
    data: { preprocess: { spacing: [1, 1, 1], ...zscore } },
  },
  'spark-small': {
    size: 'small',
    description: 'SparK on a small machine: cubes of 16³ in crops of 64³, half the feature size, 20,000 steps',
    config: {
      name: 'spark-small',
      method: { name: 'spark' },
      network: { name: 'unet3d', featureSize: 16 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 2, validateEvery: 500, checkpointEvery: 500 },
    },
    data: { validationFraction: 0.1, preprocess: zscore },
  },
  'spark-demo': {
    size: 'demo',
    description: 'SparK on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'spark-demo',
      method: { name: 'spark', crop: [32, 32, 32], block: 8, perVolume: 4 },
      network: { name: 'unet3d', featureSize: 8 },
      optimizer: { lr: 0.002 },
      schedule: { warmupSteps: 10 },
      train: { steps: 200, batch: 1, validateEvery: 20, checkpointEvery: 100 },
    },
    data: { preprocess: { intensity: { kind: 'zscore' }, resize: [64, 64, 64] } },
    hasValidation: true,
  },
} as const satisfies Record<string, PretextPreset>;
