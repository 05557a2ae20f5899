import { demoPreset, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

const window = { kind: 'window', low: -1000, high: 1000 } as const;

/** The figures of Project-MONAI's SwinUNETR pre-training, and smaller ones. */
export const swinSslPresets = {
  'swin-ssl': {
    size: 'full',
    description: 'Swin-UNETR’s pre-training as released: crops of 96³ at 1.5×1.5×2 mm, −1000 to 1000 HU, 100,000 steps',
    config: {
      name: 'swin-ssl',
      method: { name: 'swin-ssl', perVolume: 2 },
      optimizer: { lr: 0.0004, weightDecay: 0.1 },
      schedule: { warmupSteps: 500 },
      train: { steps: 100000, batch: 2 },
    },
    data: { preprocess: { spacing: [1.5, 1.5, 2], intensity: window, resize: null } },
  },
  'swin-ssl-small': smallPreset({
    name: 'swin-ssl-small',
    description: 'Swin-UNETR’s objective on a small machine: crops of 64³, half the feature size, 20,000 steps',
    method: { name: 'swin-ssl', crop: [64, 64, 64] },
    network: { featureSize: 24 },
  }),
  'swin-ssl-demo': demoPreset({
    name: 'swin-ssl-demo',
    description:
      'Swin-UNETR’s objective with the 3D U-Net on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'swin-ssl', crop: [32, 32, 32], perVolume: 4, embedding: 64 },
  }),
} as const satisfies Record<string, PretextPreset>;
