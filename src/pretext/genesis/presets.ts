import type { PretextPreset } from '../../tasks/descriptor';

/** The figures of nnssl's `ModelGenesisTrainer`, and smaller ones. */
export const genesisPresets = {
  genesis: {
    size: 'full',
    description: 'Models Genesis as in nnssl: crops of 160³ at 1 mm, 250,000 steps',
    config: {
      name: 'genesis',
      method: { name: 'genesis', crop: [160, 160, 160] },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.99, weightDecay: 0.00003, clipNorm: 12 },
      schedule: { warmupSteps: 0 },
      train: { steps: 250000, batch: 8 },
    },
    data: { preprocess: { spacing: [1, 1, 1], intensity: { kind: 'zscore' }, resize: null } },
  },
  'genesis-small': {
    size: 'small',
    description: 'Models Genesis on a small machine: crops of 64³, 20,000 steps',
    config: {
      name: 'genesis-small',
      method: { name: 'genesis' },
      network: { name: 'unet3d', featureSize: 16 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 2, validateEvery: 500, checkpointEvery: 500 },
    },
    data: { validationFraction: 0.1, preprocess: { resize: null } },
  },
  'genesis-demo': {
    size: 'demo',
    description: 'Models Genesis on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'genesis-demo',
      method: { name: 'genesis', crop: [32, 32, 32], perVolume: 4 },
      network: { name: 'unet3d', featureSize: 8 },
      optimizer: { lr: 0.002 },
      schedule: { warmupSteps: 10 },
      train: { steps: 200, batch: 1, validateEvery: 20, checkpointEvery: 100 },
    },
    data: { preprocess: { resize: [64, 64, 64] } },
    hasValidation: true,
  },
} as const satisfies Record<string, PretextPreset>;
