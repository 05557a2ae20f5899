import { demoPreset, nnsslData, nnsslPrimusTraining, nnsslTraining, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** nnssl's defaults (BaseMAETrainer, and BaseEvaMAETrainer on Primus), and smaller ones. */
export const maePresets = {
  mae: {
    size: 'full',
    description: 'MAE as in nnssl: cubes of 16³ in crops of 160³ at 1 mm, three of four hidden, 250,000 steps',
    config: {
      name: 'mae',
      method: {
        name: 'mae',
        crop: [160, 160, 160],
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      ...nnsslTraining,
    },
    data: nnsslData,
  },
  'mae-small': smallPreset({
    name: 'mae-small',
    description: 'MAE on a small machine: cubes of 16³ in crops of 64³, half the feature size, 20,000 steps',
    method: { name: 'mae' },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
  'mae-demo': demoPreset({
    name: 'mae-demo',
    description: 'MAE on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: { name: 'mae', crop: [32, 32, 32], block: 8, perVolume: 4 },
    preprocess: { intensity: { kind: 'zscore' } },
  }),
  'mae-primus': {
    size: 'full',
    description:
      'MAE on Primus-M as in nnssl: patches of 8³ in crops of 160³ at 1 mm, three of four left out, 250,000 steps',
    config: {
      name: 'mae-primus',
      method: {
        name: 'mae',
        crop: [160, 160, 160],
        block: 8,
        augment: { rotate: { prob: 0.2 }, zoom: { prob: 0.2 } },
      },
      ...nnsslPrimusTraining,
    },
    data: nnsslData,
  },
} as const satisfies Record<string, PretextPreset>;
