import type { PretextPreset } from '../../tasks/descriptor';
import { nnsslData, nnsslTraining } from '../crops/presets';
import { nnsslIntensity } from '../crops/schema';

/** VoCo's configs as its authors published them, and smaller ones. */
export const vocoPresets = {
  cvpr: {
    size: 'full',
    description: 'CVPR 2024 paper: its loss as printed, 4×4×1 base crops of 96³ on 384×384×96 volumes',
    config: { name: 'voco-cvpr', method: { objective: 'cvpr-paper' } },
  },
  'voco-10k': {
    size: 'full',
    description: 'Released VoCo code (10k set): teacher network, 4×4×1 base crops of 96³ on 384×384×96 volumes',
    config: { name: 'voco-10k', method: { objective: 'voco-10k' } },
  },
  tpami: {
    size: 'full',
    description:
      'Large-scale successor (TPAMI): contrast between volumes, 3×3×1 base crops of 64³ on 192×192×64 volumes',
    config: {
      name: 'voco-tpami',
      method: {
        objective: 'tpami',
        grid: [3, 3, 1],
        crop: [64, 64, 64],
        input: [64, 64, 64],
        augment: { shiftIntensity: { prob: 0.5 } },
        projector: { hidden: 1024, out: 1024 },
      },
      train: { steps: 2000000, batch: 4 },
    },
    data: { preprocess: { spacing: [1.5, 1.5, 1.5], foreground: { threshold: 0 }, resize: [192, 192, 64] } },
  },
  'voco-softmax': {
    size: 'full',
    description:
      'VoCo as its news item words it: cross entropy of a softmax over cosines, 4×4×1 base crops of 96³ on 384×384×96 volumes',
    config: { name: 'voco-softmax', method: { objective: 'softmax' } },
  },
  'voco-nnssl': {
    size: 'full',
    description:
      'VoCo as in nnssl: no teacher, 4×4×1 base crops of 64³ anywhere in volumes at 1 mm, four random crops, 250,000 steps',
    config: {
      name: 'voco-nnssl',
      method: {
        objective: 'nnssl',
        gridPlace: 'random',
        crop: [64, 64, 64],
        randomCrops: 4,
        augment: { flip: 0.5, rotate90: 0.3, shiftIntensity: { prob: 0 }, intensity: nnsslIntensity },
        projector: { norm: 'layer' },
      },
      ...nnsslTraining,
      optimizer: { ...nnsslTraining.optimizer, clipNorm: null },
    },
    data: nnsslData,
  },
  small: {
    size: 'small',
    description: 'Small machine: half the feature size, 3×3×1 base crops of 64³ on 192×192×64 volumes, 20,000 steps',
    config: {
      name: 'voco-small',
      method: { grid: [3, 3, 1], crop: [64, 64, 64], input: [64, 64, 64], projector: { hidden: 512, out: 512 } },
      network: { featureSize: 24 },
      schedule: { warmupSteps: 500 },
      train: { steps: 20000, batch: 2, validateEvery: 500, checkpointEvery: 500 },
    },
    data: { validationFraction: 0.1, preprocess: { resize: [192, 192, 64] } },
  },
  demo: {
    size: 'demo',
    description: 'Demo on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'voco-demo',
      method: {
        // The paper's loss needs no teacher and learns within a hundred steps; without flips a crop's place is unambiguous.
        objective: 'cvpr-paper',
        grid: [3, 3, 1],
        crop: [32, 32, 64],
        input: [32, 32, 64],
        randomCrops: 4,
        augment: { flip: 0, rotate90: 0 },
        projector: { hidden: 256, out: 256 },
      },
      network: { featureSize: 12 },
      optimizer: { lr: 0.001 },
      schedule: { warmupSteps: 5 },
      train: { steps: 100, batch: 1, validateEvery: 10, checkpointEvery: 50 },
    },
    data: { preprocess: { resize: [96, 96, 64] } },
    hasValidation: true,
  },
  'demo-unet': {
    size: 'demo',
    description: 'Demo on synthetic abdomens with the 3D U-Net, for the study of the demo: a grid in three directions',
    config: {
      name: 'voco-demo-unet',
      method: {
        objective: 'cvpr-paper',
        // Places in all three directions, so that the encoder learns height as well.
        grid: [2, 2, 4],
        crop: [32, 32, 16],
        input: [32, 32, 16],
        randomCrops: 8,
        augment: { flip: 0, rotate90: 0, shiftIntensity: { prob: 0.5 } },
        projector: { hidden: 64, out: 64 },
      },
      network: { name: 'unet3d', featureSize: 8 },
      // The first gradients are a hundred times those of later steps. Unclipped, Adam would remember them and hardly move the encoder.
      optimizer: { lr: 0.001, amsgrad: false, clipNorm: 1 },
      schedule: { name: 'constant' },
      train: { steps: 1000, batch: 1, microBatch: 24, validateEvery: 100, checkpointEvery: 200, keepLast: 1 },
    },
    data: { preprocess: { resize: [64, 64, 64] } },
    hasValidation: true,
  },
} as const satisfies Record<string, PretextPreset>;
