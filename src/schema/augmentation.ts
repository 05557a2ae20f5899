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
