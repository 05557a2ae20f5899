import { demoPreset, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** The figures of HealthML's self-supervised-3d-tasks where they apply to crops, and smaller ones. */
export const rotationPresets = {
  rotation: {
    size: 'full',
    description: 'Rotation prediction (ten classes) on crops of 96³ at 1.5 mm, Adam at 1e-4, 250,000 steps',
    config: {
      name: 'rotation',
      method: { name: 'rotation', crop: [96, 96, 96] },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.0001, weightDecay: 0 },
      schedule: { name: 'constant' },
      train: { steps: 250000, batch: 4 },
    },
    data: { preprocess: { spacing: [1.5, 1.5, 1.5], resize: null } },
  },
  'rotation-small': smallPreset({
    name: 'rotation-small',
    description: 'Rotation prediction on a small machine: crops of 64³, 20,000 steps',
    method: { name: 'rotation' },
    train: { batch: 4 },
  }),
  'rotation-demo': demoPreset({
    name: 'rotation-demo',
    description: 'Rotation prediction on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'rotation', crop: [32, 32, 32], perVolume: 8 },
  }),
} as const satisfies Record<string, PretextPreset>;
