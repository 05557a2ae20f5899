import type { PretextPreset } from '../../tasks/descriptor';

/** Our figures: the method under this name has no released code. */
export const rotateRestorePresets = {
  'rotate-restore': {
    size: 'full',
    description: 'Rotate and restore (ten turns) on crops of 96³ at 1.5 mm, Adam at 1e-4, 250,000 steps',
    config: {
      name: 'rotate-restore',
      method: { name: 'rotate-restore', crop: [96, 96, 96] },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.0001, weightDecay: 0 },
      schedule: { name: 'constant' },
      train: { steps: 250000, batch: 4 },
    },
    data: { preprocess: { spacing: [1.5, 1.5, 1.5], resize: null } },
  },
  'rotate-restore-small': {
    size: 'small',
    description: 'Rotate and restore on a small machine: crops of 64³, 20,000 steps',
    config: {
      name: 'rotate-restore-small',
      method: { name: 'rotate-restore' },
      network: { name: 'unet3d', featureSize: 16 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 4, validateEvery: 500, checkpointEvery: 500 },
    },
    data: { validationFraction: 0.1, preprocess: { resize: null } },
  },
  'rotate-restore-demo': {
    size: 'demo',
    description: 'Rotate and restore on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'rotate-restore-demo',
      method: { name: 'rotate-restore', crop: [32, 32, 32], perVolume: 8 },
      network: { name: 'unet3d', featureSize: 8 },
      optimizer: { lr: 0.002 },
      schedule: { warmupSteps: 10 },
      train: { steps: 200, batch: 1, validateEvery: 20, checkpointEvery: 100 },
    },
    data: { preprocess: { resize: [64, 64, 64] } },
    hasValidation: true,
  },
} as const satisfies Record<string, PretextPreset>;
