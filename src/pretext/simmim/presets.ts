import type { PretextPreset } from '../../tasks/descriptor';

/** Z-scores over the whole volume, as the masked tasks' authors have them: a hidden voxel is then the mean. */
const zscore = { intensity: { kind: 'zscore' }, resize: null };

/** Mask and optimizer of nnssl's `SimMIMEvaTrainer`, which knows Primus alone, for Swin-UNETR; and smaller ones. */
export const simmimPresets = {
  simmim: {
    size: 'full',
    description: 'SimMIM on Swin-UNETR: cubes of 16³ in crops of 96³ at 1 mm, three of four hidden, 250,000 steps',
    config: {
      name: 'simmim',
      method: {
        name: 'simmim',
        crop: [96, 96, 96],
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      network: { name: 'swin-unetr', featureSize: 48 },
      optimizer: { lr: 0.0003, weightDecay: 0.05, clipNorm: 1 },
      schedule: { warmupSteps: 12500 },
      train: { steps: 250000, batch: 8 },
    },
    data: { preprocess: { spacing: [1, 1, 1], ...zscore } },
  },
  'simmim-small': {
    size: 'small',
    description: 'SimMIM on a small machine: cubes of 16³ in crops of 64³, half the feature size, 20,000 steps',
    config: {
      name: 'simmim-small',
      method: { name: 'simmim' },
      network: { name: 'swin-unetr', featureSize: 24 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 2, validateEvery: 500, checkpointEvery: 500 },
    },
    data: { validationFraction: 0.1, preprocess: zscore },
  },
  'simmim-demo': {
    size: 'demo',
    description: 'SimMIM on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'simmim-demo',
      method: { name: 'simmim', crop: [32, 32, 64], block: 8, perVolume: 2 },
      network: { name: 'swin-unetr', featureSize: 12 },
      optimizer: { lr: 0.002 },
      schedule: { warmupSteps: 10 },
      train: { steps: 200, batch: 1, validateEvery: 20, checkpointEvery: 100 },
    },
    data: { preprocess: { intensity: { kind: 'zscore' }, resize: [64, 64, 64] } },
    hasValidation: true,
  },
} as const satisfies Record<string, PretextPreset>;
