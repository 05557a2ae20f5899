import { demoPreset, smallPreset } from '../crops/presets';
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
  'rotate-restore-small': smallPreset({
    name: 'rotate-restore-small',
    description: 'Rotate and restore on a small machine: crops of 64³, 20,000 steps',
    method: { name: 'rotate-restore' },
    train: { batch: 4 },
  }),
  'rotate-restore-demo': demoPreset({
    name: 'rotate-restore-demo',
    description: 'Rotate and restore on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'rotate-restore', crop: [32, 32, 32], perVolume: 8 },
  }),
} as const satisfies Record<string, PretextPreset>;
