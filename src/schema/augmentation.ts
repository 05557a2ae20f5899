import { probability } from './shapes';

/** Flips and rotations, the same for pre-training and fine-tuning crops. */
export const spatialAugmentation = {
  flip: {
    ...probability,
    default: 0.2,
    description: 'Probability of a flip along each axis, 0 to 1. Released VoCo code: 0.2.',
    examples: [0.2, 0],
  },
  rotate90: {
    ...probability,
    default: 0.2,
    description: 'Probability of an in-plane rotation by 90, 180 or 270 degrees, 0 to 1. Released VoCo code: 0.2.',
    examples: [0.2, 0],
  },
} as const;

const chance = (value: string, prob: number) =>
  ({
    ...probability,
    default: 0,
    description: `Probability of ${value}, 0 to 1. nnssl: ${prob}.`,
    examples: [0, prob],
  }) as const;

/** Changes of intensity, the same for pre-training and fine-tuning crops. */
export const intensityAugmentation = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Changes of intensity, each drawn on its own; the figures behind them are those of nnU-Net and nnssl.',
  examples: [{ noise: 0.1, gamma: 0.3 }],
  properties: {
    noise: chance('Gaussian noise of a variance up to 0.1', 0.1),
    blur: chance('a Gaussian blur of 0.5 to 1 voxels', 0.2),
    brightness: chance('a factor of 0.75 to 1.25', 0.15),
    contrast: chance('a contrast of 0.75 to 1.25 about the mean', 0.15),
    lowResolution: chance('a resolution of half to all voxels', 0.1),
    gamma: chance('a gamma of 0.7 to 1.5; of the negative image with a third of it', 0.3),
    biasField: {
      ...probability,
      default: 0,
      description:
        'Probability of a smooth field of factors, mostly 0.7 to 1.4, as an uneven coil makes it in MRI, 0 to 1. Presets for MRI: 0.3.',
      examples: [0, 0.3],
    },
  },
} as const;
