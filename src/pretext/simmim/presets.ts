import { demoPreset, nnsslData, nnsslPrimusTraining, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

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
      ...nnsslPrimusTraining,
      network: { name: 'swin-unetr', featureSize: 48 },
    },
    data: nnsslData,
  },
  'simmim-small': smallPreset({
    name: 'simmim-small',
    description: 'SimMIM on a small machine: cubes of 16³ in crops of 64³, half the feature size, 20,000 steps',
    method: { name: 'simmim' },
    network: { name: 'swin-unetr', featureSize: 24 },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
  'simmim-demo': demoPreset({
    name: 'simmim-demo',
    description: 'SimMIM on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'simmim', crop: [32, 32, 64], block: 8, perVolume: 2 },
    network: { name: 'swin-unetr', featureSize: 12 },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
  'simmim-primus': {
    size: 'full',
    description:
      'SimMIM on Primus-M as in nnssl: patches of 8³ in crops of 160³ at 1 mm, three of four hidden, 250,000 steps',
    config: {
      name: 'simmim-primus',
      method: {
        name: 'simmim',
        crop: [160, 160, 160],
        block: 8,
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      ...nnsslPrimusTraining,
    },
    data: nnsslData,
  },
} as const satisfies Record<string, PretextPreset>;
