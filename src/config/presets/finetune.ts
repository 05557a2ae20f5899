import type { FinetuneConfigInput } from '../types';
import { mriScaling } from './mri';

/** What a fine-tuning preset sets beside the defaults; where the volumes come from is filled in later. */
export interface FinetunePreset {
  readonly description: string;
  readonly config: Omit<FinetuneConfigInput, 'kind' | 'data' | '$schema'>;
  readonly data?: Omit<FinetuneConfigInput['data'], 'train' | 'validation'>;
  /** The preset's data set comes with a list of held-out cases. */
  readonly hasValidation?: boolean;
  /** Its list has one key, whose entries say in which fold they are; the first fold is held out. */
  readonly folds?: { readonly train: readonly number[]; readonly validation: readonly number[] };
  /** Its data set usually comes without held-out cases: a share is held out, where no list names some. */
  readonly splits?: true;
  /** What its list of volumes is called, where that is not `dataset_0.json`. */
  readonly list?: string;
}

const none = { prob: 0 };

/** nnU-Net's changes of intensity, and the field of a coil. */
const mriIntensity = { noise: 0.1, brightness: 0.15, contrast: 0.15, gamma: 0.3, biasField: 0.3 } as const;

/**
 * Figures of the released scripts by task, of Luffy03/Large-Scale-Medical (commit 1ad538b), Downstream/monai/<task>: main.py and
 * utils/data_utils.py. docs/paper.md lists them key by key, with those that are ours.
 */
export const finetunePresets = {
  btcv: {
    description:
      'Fine-tune on BTCV (13 abdominal organs): released figures, crops of 96³ at 1.5 mm, 1000 epochs with 20 of warm-up',
    config: { name: 'btcv', task: { name: 'btcv' }, crops: { positive: 9 }, schedule: { warmupEpochs: 20 } },
    hasValidation: true,
  },
  lits: {
    description: 'Fine-tune on LiTS (liver and tumour): released figures, crops of 96³ at 1.5 mm, 500 epochs',
    config: {
      name: 'lits',
      task: { name: 'lits' },
      crops: { positive: 1, perVolume: 2 },
      augment: { scaleIntensity: none, shiftIntensity: { prob: 0.1 } },
      inference: { batch: 2 },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 500 },
    },
    hasValidation: true,
  },
  spleen: {
    description: 'Fine-tune on MSD Spleen: released figures, crops of 96³ at 1.5 mm, 500 epochs',
    config: {
      name: 'spleen',
      task: { name: 'spleen' },
      crops: { positive: 3 },
      augment: { scaleIntensity: none, shiftIntensity: { prob: 0.1 } },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 500 },
    },
    hasValidation: true,
  },
  'mm-whs': {
    description: 'Fine-tune on MM-WHS (heart in CT): released figures, window 0 to 1700, crops of 64³, 500 epochs',
    config: {
      name: 'mm-whs',
      task: { name: 'mm-whs' },
      crops: { positive: 9, size: [64, 64, 64] },
      augment: { scaleIntensity: none, shiftIntensity: none },
      // The script passes amsgrad alone, so that the decay is PyTorch's default.
      optimizer: { amsgrad: true, weightDecay: 0.01 },
      schedule: { warmupEpochs: 50 },
      train: { epochs: 500 },
    },
    data: { preprocess: { intensity: { kind: 'window', low: 0, high: 1700 } } },
    hasValidation: true,
  },
  brats21: {
    description: 'Fine-tune on BraTS 21 (tumour regions, 4 MRI sequences): z-score, crops of 128³, 100 epochs',
    config: {
      name: 'brats21',
      task: { name: 'brats21' },
      crops: { size: [128, 128, 128], perVolume: 1, positive: 1 },
      augment: { flip: 0.1, rotate90: 0, scaleIntensity: none, shiftIntensity: none },
      network: { inChannels: 4 },
      inference: { batch: 1 },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 100, validateEvery: 10 },
    },
    folds: { train: [1, 2, 3, 4], validation: [0] },
    data: {
      channel: 'all',
      // The script cuts before it scales, to what is above 0 in the file.
      preprocess: { spacing: null, ...mriScaling },
    },
  },
  hippocampus: {
    description:
      'Fine-tune on MSD Hippocampus (MRI, anterior and posterior part): z-score, crops of 48×64×48 at 1 mm, 100 epochs',
    config: {
      name: 'hippocampus',
      task: { name: 'hippocampus' },
      // As large as most of the volumes, which are cut out around the hippocampus.
      crops: { size: [48, 64, 48], perVolume: 2, positive: 1 },
      augment: { flip: 0, rotate90: 0, intensity: mriIntensity },
      network: { name: 'unet3d', featureSize: 16 },
      optimizer: { lr: 0.001 },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 100, batch: 2, validateEvery: 10 },
    },
    splits: true,
    list: 'dataset.json',
    data: { preprocess: { spacing: [1, 1, 1], ...mriScaling } },
  },
  brats: {
    description:
      'Fine-tune on MSD BrainTumour (tumour regions, 4 MRI sequences, some may be missing): z-score, crops of 128³, 100 epochs',
    config: {
      name: 'brats',
      task: { name: 'brats' },
      crops: { size: [128, 128, 128], perVolume: 1, positive: 1 },
      augment: { flip: 0.5, rotate90: 0, intensity: mriIntensity, dropChannel: 0.1 },
      network: { inChannels: 4 },
      inference: { batch: 1 },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 100, validateEvery: 10 },
    },
    splits: true,
    list: 'dataset.json',
    data: {
      channel: 'all',
      missingChannels: 'zero',
      preprocess: { spacing: [1, 1, 1], ...mriScaling },
    },
  },
  heart: {
    description: 'Fine-tune on MSD Heart (left atrium in MRI): z-score, crops of 96³ at 1.25×1.25×1.37 mm, 500 epochs',
    config: {
      name: 'heart',
      task: { name: 'heart' },
      crops: { positive: 1 },
      augment: { intensity: mriIntensity },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 500 },
    },
    splits: true,
    list: 'dataset.json',
    data: { preprocess: { spacing: [1.25, 1.25, 1.37], ...mriScaling } },
  },
  'cc-ccii': {
    description: 'Fine-tune on CC-CCII (pneumonia, one class a volume): batches of 4, 100 epochs',
    config: {
      name: 'cc-ccii',
      task: { name: 'cc-ccii' },
      crops: { size: [64, 64, 64], perVolume: 1 },
      // Three times the released rate: at that one a network from scratch is still far from done after 20 epochs (docs/benchmarks.md).
      optimizer: { lr: 0.001 },
      schedule: { warmupEpochs: 5 },
      train: { epochs: 100, batch: 4, validateEvery: 5 },
    },
    list: 'training.csv',
    data: {
      validationFraction: 0.2,
      preprocess: {
        spacing: null,
        intensity: { kind: 'window', low: -1000, high: 500 },
        foreground: null,
        resize: [64, 64, 64],
      },
    },
  },
  'demo-finetune': {
    description: 'Fine-tune on synthetic abdomens (voco phantom): a few minutes on two cores',
    config: {
      name: 'voco-demo-finetune',
      task: { name: 'btcv' },
      crops: { size: [64, 64, 32], perVolume: 2 },
      network: { featureSize: 12 },
      optimizer: { lr: 0.001 },
      schedule: { warmupEpochs: 2 },
      train: { epochs: 40, validateEvery: 10, checkpointEvery: 10 },
      inference: { overlap: 0.25 },
    },
    data: { preprocess: { spacing: [3, 3, 5] } },
    hasValidation: true,
  },
  'demo-study': {
    description: 'Study on synthetic abdomens (voco phantom): the U-Net of demo-unet against scratch, 1 to 4 cases',
    config: {
      name: 'voco-demo-study',
      task: { name: 'btcv' },
      // Half of the body's width, as a crop of the paper's fine-tuning: larger than those of the pre-training, but not by so much
      // that instance norms would see something else.
      crops: { size: [32, 32, 32], perVolume: 3 },
      augment: { flip: 0, rotate90: 0 },
      network: { name: 'unet3d', featureSize: 8 },
      // Most of the cross entropy is background: a whole one would teach the large organs first and the others after thousands of
      // steps. Without any, nothing keeps the network from calling the air, which crops seldom show, a gland.
      loss: { crossEntropy: 0.1, squared: true },
      // The best rate for random weights (docs/benchmarks.md); it would overwrite the small kernels of the checkpoint.
      optimizer: { lr: 0.04 },
      init: { kernelScale: 0.25 },
      schedule: { warmupEpochs: 10 },
      train: { steps: 200, validateEvery: 100, checkpointEvery: 200 },
      inference: { overlap: 0.25 },
      study: { cases: [1, 2, 4], seeds: [0, 1, 2] },
    },
    data: { preprocess: { spacing: [6, 5, 6.5], foreground: { threshold: 0.3 } } },
    hasValidation: true,
  },
} as const satisfies Record<string, FinetunePreset>;
