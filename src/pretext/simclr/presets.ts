import { demoPreset, nnsslData, nnsslTraining, smallPreset } from '../crops/presets';
import { nnsslIntensity } from '../crops/schema';
import type { PretextPreset } from '../../tasks/descriptor';

const intensity = nnsslIntensity;

/** The figures of nnssl's `SimCLRTrainer` and of CT-FM, and smaller ones. */
export const simclrPresets = {
  simclr: {
    size: 'full',
    description:
      'SimCLR as in nnssl: pairs of crops of 64³ at 1 mm that overlap by half along each axis, 250,000 steps',
    config: {
      name: 'simclr',
      method: { name: 'simclr', augment: { intensity } },
      ...nnsslTraining,
      optimizer: { ...nnsslTraining.optimizer, clipNorm: 0.1 },
      train: { ...nnsslTraining.train, batch: 6 },
    },
    data: nnsslData,
  },
  'simclr-ct-fm': {
    size: 'full',
    description: 'SimCLR as in CT-FM: 15 pairs of one scan, contrasted within it, temperature 0.1, 250,000 steps',
    config: {
      name: 'simclr-ct-fm',
      method: {
        name: 'simclr',
        crop: [128, 128, 32],
        perVolume: 15,
        overlap: 1,
        temperature: 0.1,
        negatives: 'volume',
        projector: { hidden: 256, out: 128 },
        augment: { zoom: { prob: 1, range: [0.33, 1] }, intensity: { blur: 0.5, contrast: 0.5 } },
      },
      network: { name: 'unet3d', featureSize: 32 },
      optimizer: { lr: 0.0001, weightDecay: 0.000001 },
      train: { steps: 250000, batch: 4 },
    },
    data: {
      preprocess: { spacing: [1, 1, 3], intensity: { kind: 'window', low: -1024, high: 2048 }, resize: null },
    },
  },
  'simclr-small': smallPreset({
    name: 'simclr-small',
    description: 'SimCLR on a small machine: eight pairs of crops of 48³ a step, 20,000 steps',
    method: {
      name: 'simclr',
      crop: [48, 48, 48],
      perVolume: 4,
      projector: { hidden: 512, out: 128 },
      augment: { intensity },
    },
  }),
  'simclr-demo': demoPreset({
    name: 'simclr-demo',
    description: 'SimCLR on synthetic abdomens (voco phantom): a few minutes on two cores',
    method: {
      name: 'simclr',
      crop: [32, 32, 32],
      perVolume: 4,
      projector: { hidden: 128, out: 64 },
      augment: { flip: 0.2, intensity: { brightness: 0.2, contrast: 0.2 } },
    },
    train: { batch: 2 },
  }),
} as const satisfies Record<string, PretextPreset>;
