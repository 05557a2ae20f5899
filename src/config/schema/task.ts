import {
  count,
  intensityAugmentation,
  pathString,
  positive,
  probability,
  spatialAugmentation,
  triple,
} from '../../schema';

const taskClass = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'values'],
  description: 'One class.',
  examples: [{ name: 'spleen', values: [1] }],
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      description: 'Name in tables, charts and legends.',
      examples: ['spleen'],
    },
    values: {
      type: 'array',
      minItems: 1,
      items: { type: 'integer', minimum: 0, maximum: 65535 },
      description: 'Values of the label map that belong to the class.',
      examples: [[1], [1, 2, 4]],
    },
    colour: {
      type: 'string',
      pattern: '^(#[0-9a-fA-F]{6})?$',
      patternErrorMessage: 'a colour such as "#e6194b"',
      default: '',
      description: 'Colour in charts and overlays; empty: chosen by the class number.',
      examples: ['#e6194b'],
    },
  },
} as const;

export const taskSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What is predicted: the classes and their values in the label files.',
  examples: [{ name: 'btcv' }],
  properties: {
    name: {
      type: 'string',
      enum: ['btcv', 'lits', 'spleen', 'mm-whs', 'brats21', 'cc-ccii', 'hippocampus', 'brats', 'heart', 'custom'],
      default: 'btcv',
      description:
        'A downstream task of the CVPR paper, or one of the Medical Segmentation Decathlon in MRI (hippocampus, brats, heart), with its classes ' +
        'and colours; custom for your own classes.',
      examples: ['btcv', 'custom'],
    },
    output: {
      type: ['string', 'null'],
      enum: ['softmax', 'sigmoid', 'classification', null],
      default: null,
      description:
        'softmax: each voxel has one class. sigmoid: classes may overlap, as the regions of BraTS. classification: each volume ' +
        'has one class. null: as the task has it (custom: softmax).',
      examples: [null, 'softmax', 'sigmoid'],
    },
    classes: {
      type: ['array', 'null'],
      minItems: 1,
      maxItems: 255,
      items: taskClass,
      default: null,
      description:
        'The classes without background, in the order of the channels. null: those of the task; of custom those that the dataset.json of ' +
        'the data or the names of its masks tell.',
      examples: [
        null,
        [
          { name: 'liver', values: [1] },
          { name: 'liver tumour', values: [2] },
        ],
      ],
    },
    ignore: {
      type: ['integer', 'null'],
      minimum: -32768,
      maximum: 65535,
      default: null,
      description:
        'Label value of voxels that are left out: of the loss, of the centres of crops, and of the scores in validation and ' +
        'evaluation. For regions that nobody labelled, as the ignore label of nnU-Net. null: every voxel counts.',
      examples: [null, 255, -1],
    },
    unlisted: {
      type: 'string',
      enum: ['error', 'background'],
      default: 'error',
      description: 'Meaning of label values that belong to no class: an error, or background.',
      examples: ['error', 'background'],
    },
  },
} as const;

export const cropsSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The training crops (MONAI RandCropByPosNegLabel).',
  examples: [{ size: [96, 96, 96], perVolume: 4 }],
  properties: {
    size: {
      ...triple({ type: 'integer', minimum: 16, maximum: 512 }),
      default: [96, 96, 96],
      description:
        'Size of a crop in voxels of the preprocessed volume along x, y, z, and of the windows of inference. Multiples of 32 ' +
        'for Swin-UNETR. Released VoCo code: 96³ (64³ for MM-WHS, 128³ for BraTS 21).',
      examples: [[96, 96, 96]],
    },
    perVolume: {
      ...count,
      maximum: 64,
      default: 4,
      description:
        'Crops of each volume in a step. Released code: 4 for BTCV in its later version, 16 in the CVPR version.',
      examples: [4],
    },
    positive: {
      type: 'number',
      minimum: 0,
      default: 3,
      description: 'Weight of crops around a labelled voxel. Released code: 3 (CVPR version), 9 (later version).',
      examples: [3, 9],
    },
    negative: {
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'Weight of crops around a voxel of the background. Released code: 1.',
      examples: [1],
    },
  },
} as const;

function intensityChange(what: 'factor' | 'offset', defaults: { prob: number; amount: number }, text: string) {
  return {
    type: 'object',
    additionalProperties: false,
    default: {},
    description: text,
    examples: [{ prob: defaults.prob }],
    properties: {
      prob: {
        ...probability,
        default: defaults.prob,
        description: `Probability of the change, 0 to 1. Released VoCo code: ${defaults.prob}.`,
        examples: [defaults.prob],
      },
      amount: {
        type: 'number',
        minimum: 0,
        default: defaults.amount,
        description: `Largest ${what}, in both directions. Released VoCo code: ${defaults.amount}.`,
        examples: [defaults.amount],
      },
    },
  } as const;
}

export const finetuneAugmentSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Augmentations of a crop and its labels.',
  examples: [{ flip: 0.2, rotate90: 0.2 }],
  properties: {
    ...spatialAugmentation,
    scaleIntensity: intensityChange(
      'factor',
      { prob: 0.1, amount: 0.1 },
      'Multiplies all voxels of a crop by 1 plus a random factor.',
    ),
    shiftIntensity: intensityChange(
      'offset',
      { prob: 0.5, amount: 0.1 },
      'Adds one random number to all voxels of a crop, in scaled intensity.',
    ),
    intensity: intensityAugmentation,
    dropChannel: {
      ...probability,
      default: 0,
      description:
        'Probability that a channel of a crop is set to 0, each on its own but never all, so that the network does without a missing ' +
        'sequence of MRI, 0 to 1.',
      examples: [0, 0.1],
    },
  },
} as const;

export const initSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The initial weights.',
  examples: [{ checkpoint: null }],
  properties: {
    checkpoint: {
      ...pathString,
      type: ['string', 'null'],
      default: null,
      description:
        'Checkpoint of a pre-training or fine-tuning, or imported weights (.safetensors). null: random weights (from scratch).',
      examples: [null, 'runs/voco/checkpoints/step-00250000.safetensors'],
    },
    branch: {
      type: 'string',
      enum: ['student', 'teacher', 'ema'],
      default: 'student',
      description:
        'Which network to take of a file that holds several; ema: an average of its weights. The released code takes the student.',
      examples: ['student', 'teacher', 'ema'],
    },
    parts: {
      type: 'string',
      enum: ['all', 'encoder'],
      default: 'all',
      description:
        'What is taken over of a checkpoint. all: encoder and decoder, as far as it has them; of a pre-training, never the last ' +
        'layer. encoder: the decoder starts with random weights, as in nnssl and in the released VoCo code.',
      examples: ['all', 'encoder'],
    },
    inputChannels: {
      type: 'string',
      enum: ['repeat', 'random'],
      default: 'repeat',
      description:
        'The first layer of weights for one input channel, where the network has more. repeat: its kernels for each channel, divided ' +
        'by the number of channels, as nnU-Net does with weights of nnssl. random: this layer starts with random weights.',
      examples: ['repeat', 'random'],
    },
    partial: {
      type: 'boolean',
      default: false,
      description:
        'Take what fits of weights that are of another size, depth or version of the network, or of which less than half of the ' +
        'encoder fits. Such weights are refused otherwise.',
      examples: [false, true],
    },
    freezeEncoder: {
      type: 'boolean',
      default: false,
      description: 'Keep the pre-trained weights fixed and train only the rest.',
      examples: [false, true],
    },
    freezeFor: {
      ...probability,
      default: 0,
      description:
        'First part of the run, as a share of its steps, in which the pre-trained weights stay fixed, so that the rest learns ' +
        'to use them (Kumar et al. 2022). After that, everything is trained. No effect without a checkpoint. Released code: 0.',
      examples: [0, 0.5],
    },
    kernelScale: {
      ...positive,
      type: ['number', 'null'],
      default: null,
      description:
        'Root mean square to which the kernels of the checkpoint before an instance norm are scaled. The network computes ' +
        'the same, but an optimizer step changes the direction of a larger kernel less (van Laarhoven 2017). Use it if the ' +
        'learning rate is much higher than in pre-training, so that the first steps do not overwrite small kernels. null: no ' +
        'scaling (released code).',
      examples: [null, 0.25],
    },
    encoderRate: {
      ...positive,
      default: 1,
      description: 'Learning rate of the pre-trained weights as a multiple of optimizer.lr. Released code: 1.',
      examples: [1, 0.1],
    },
  },
} as const;

export const lossSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Dice loss plus cross entropy (MONAI DiceCELoss). Classification uses only the cross entropy.',
  examples: [{ dice: 1, crossEntropy: 1 }],
  properties: {
    dice: { type: 'number', minimum: 0, default: 1, description: 'Weight of the Dice loss.', examples: [1] },
    crossEntropy: {
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'Weight of the cross entropy.',
      examples: [1],
    },
    includeBackground: {
      type: 'boolean',
      default: false,
      description: 'Count the background in the Dice loss. Released VoCo code: false.',
      examples: [false],
    },
    squared: {
      type: 'boolean',
      default: false,
      description: 'Square predictions and labels in the denominator of the Dice loss.',
      examples: [false],
    },
    classWeights: {
      type: ['array', 'null'],
      minItems: 2,
      items: positive,
      default: null,
      description: 'Weight of each class in the cross entropy of classification. null: equal weights.',
      examples: [null, [1, 2, 1]],
    },
  },
} as const;

export const inferenceSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Prediction of whole volumes by a sliding window, in validation, evaluation and segmentation.',
  examples: [{ overlap: 0.75, mode: 'gaussian' }],
  properties: {
    overlap: {
      type: 'number',
      minimum: 0,
      maximum: 0.95,
      default: 0.75,
      description: 'Overlap of neighbouring windows, as a share of the window. Released VoCo code: 0.75.',
      examples: [0.75, 0.5],
    },
    mode: {
      type: 'string',
      enum: ['gaussian', 'constant'],
      default: 'gaussian',
      description:
        "Weights of the voxels of overlapping windows: larger in the middle (gaussian), or equal (MONAI's default).",
      examples: ['gaussian', 'constant'],
    },
    batch: { ...count, maximum: 256, default: 4, description: 'Windows at a time.', examples: [4] },
    flips: {
      type: 'boolean',
      default: false,
      description: 'Average the predictions over all mirror images of each window; takes eight times as long.',
      examples: [false],
    },
    surfaceTolerance: {
      ...positive,
      default: 1,
      description: 'Tolerance of the normalised surface distance, in millimetres.',
      examples: [1, 2],
    },
  },
} as const;
