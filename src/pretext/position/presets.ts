import { demoPreset, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** VoCo's grid with a linear classifier; the paper gives no figures for it. */
export const positionPresets = {
  position: {
    size: 'full',
    description:
      'Position classification on a grid of 4×4×1 crops of 96³ on volumes of 384×384×96 voxels, 250,000 steps',
    config: {
      name: 'position',
      method: { name: 'position', grid: [4, 4, 1], crop: [96, 96, 96] },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.0001, weightDecay: 0 },
      schedule: { name: 'constant' },
      train: { steps: 250000, batch: 4 },
    },
    data: { preprocess: { resize: [384, 384, 96] } },
  },
  'position-small': smallPreset({
    name: 'position-small',
    description: 'Position classification on a small machine: crops of 64³, 20,000 steps',
    method: { name: 'position' },
    train: { batch: 4 },
    preprocess: { resize: [192, 192, 64] },
  }),
  'position-demo': demoPreset({
    name: 'position-demo',
    description: 'Position classification on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'position', grid: [3, 3, 1], crop: [32, 32, 64], perVolume: 8 },
    preprocess: { resize: [96, 96, 64] },
  }),
} as const satisfies Record<string, PretextPreset>;
