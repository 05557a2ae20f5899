import type { PretextPreset } from '../../tasks/descriptor';

/** What presets of tasks that draw crops share. */

/** How nnssl's trainers of convolutional networks train its ResEnc-L, at 1 mm with z-scores, cut to what is not 0. */
export const nnsslTraining = {
  network: { name: 'resenc-unet' },
  optimizer: { name: 'sgd', lr: 0.01, momentum: 0.99, nesterov: true, weightDecay: 0.00003, clipNorm: 12 },
  schedule: { name: 'poly', warmupSteps: 0 },
  train: { steps: 250000, batch: 8 },
} as const;
/** How nnssl's trainers of Primus train: AdamW, with a rise of the rate over the first 50 of 1000 epochs of 250 steps. */
export const nnsslPrimusTraining = {
  network: { name: 'primus', size: 'M', crop: [160, 160, 160] },
  optimizer: { name: 'adamw', lr: 0.0003, weightDecay: 0.05, betas: [0.9, 0.98], amsgrad: false, clipNorm: 1 },
  schedule: { name: 'poly', warmupSteps: 12500 },
  train: { steps: 250000, batch: 8 },
} as const;
export const nnsslData = {
  preprocess: { spacing: [1, 1, 1], intensity: { kind: 'zscore' }, foreground: { threshold: 'nonzero' }, resize: null },
} as const;

interface Wanted {
  readonly name: string;
  readonly description: string;
  readonly method: { readonly name: string; readonly [key: string]: unknown };
  /** Sections that differ from the usual ones. */
  readonly network?: object;
  readonly train?: object;
  readonly preprocess?: object;
}

/** A preset for a small machine: 20,000 steps on volumes as they are. */
export function smallPreset({ name, description, method, network, train, preprocess }: Wanted): PretextPreset {
  return {
    size: 'small',
    description,
    config: {
      name,
      method,
      network: network ?? { name: 'unet3d', featureSize: 16 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 2, validateEvery: 500, checkpointEvery: 500, ...train },
    },
    data: { validationFraction: 0.1, preprocess: { resize: null, ...preprocess } },
  };
}

/** A preset for the synthetic abdomens of `voco phantom`: minutes on two cores. */
export function demoPreset({ name, description, method, network, train, preprocess }: Wanted): PretextPreset {
  return {
    size: 'demo',
    description,
    config: {
      name,
      method,
      network: network ?? { name: 'unet3d', featureSize: 8 },
      optimizer: { lr: 0.002 },
      schedule: { warmupSteps: 10 },
      train: { steps: 200, batch: 1, validateEvery: 20, checkpointEvery: 100, ...train },
    },
    data: { preprocess: { resize: [64, 64, 64], ...preprocess } },
    hasValidation: true,
  };
}
