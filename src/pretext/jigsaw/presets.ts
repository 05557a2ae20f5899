import { demoPreset, smallPreset } from '../crops/presets';
import type { PretextPreset } from '../../tasks/descriptor';

/** The figures of Rubik's cube (Zhuang et al. 2019) as Luffy03's LUNA16 code has them, and smaller ones. */
export const jigsawPresets = {
  jigsaw: {
    size: 'full',
    description: 'Rubik’s cube: eight cubes of 64³ with gaps of 6 voxels, 100 permutations, turns, 250,000 steps',
    config: {
      name: 'jigsaw',
      method: { name: 'jigsaw', crop: [134, 134, 134], gap: 6 },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.001 },
      train: { steps: 250000, batch: 4 },
    },
    data: { preprocess: { resize: null } },
  },
  'jigsaw-3': {
    size: 'full',
    description: 'Plain jigsaw puzzle: 27 cubes of 32³, 100 permutations, no turns, 250,000 steps',
    config: {
      name: 'jigsaw-3',
      method: { name: 'jigsaw', crop: [96, 96, 96], cubes: 3, turns: false },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.0001, weightDecay: 0 },
      schedule: { name: 'constant' },
      train: { steps: 250000, batch: 4 },
    },
    data: { preprocess: { resize: null } },
  },
  'jigsaw-small': smallPreset({
    name: 'jigsaw-small',
    description: 'Rubik’s cube on a small machine: eight cubes of 32³, 20,000 steps',
    method: { name: 'jigsaw', crop: [68, 68, 68], gap: 4 },
    train: { batch: 4 },
  }),
  'jigsaw-demo': demoPreset({
    name: 'jigsaw-demo',
    description:
      'Rubik’s cube on synthetic abdomens (voco phantom): eight cubes of 32³, ten permutations, a few minutes',
    method: { name: 'jigsaw', crop: [64, 64, 64], permutations: 10, perVolume: 2 },
    train: { steps: 300, validateEvery: 25 },
    preprocess: { resize: [72, 72, 72] },
  }),
} as const satisfies Record<string, PretextPreset>;
