import { count, pathString, positive, probability, spatialAugmentation, triple } from '../../schema';

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
  description: 'What is predicted: the classes and how they stand in the label files.',
  examples: [{ name: 'btcv' }],
  properties: {
    name: {
      type: 'string',
      enum: ['btcv', 'lits', 'spleen', 'mm-whs', 'brats21', 'cc-ccii', 'custom'],
      default: 'btcv',
      description:
        "A downstream task of the CVPR paper with its classes and colours, or custom with classes of one's own.",
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
      description: 'The classes without background, in the order of the channels. null: those of the task.',
      examples: [
        null,
        [
          { name: 'liver', values: [1] },
          { name: 'liver tumour', values: [2] },
        ],
      ],
    },
    unlisted: {
      type: 'string',
      enum: ['error', 'background'],
      default: 'error',
      description: 'What a label value that is in no class means: a mistake to stop at, or background.',
      examples: ['error', 'background'],
    },
  },
} as const;

export const cropsSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The crops that are learnt from (MONAI RandCropByPosNegLabel).',
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
        description: `Largest ${what}, to both sides. Released VoCo code: ${defaults.amount}.`,
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
  },
} as const;

export const initSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The weights that training starts from.',
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
      enum: ['student', 'teacher'],
      default: 'student',
      description: 'Which network of a pre-training checkpoint to take. The released code takes the student.',
      examples: ['student', 'teacher'],
    },
    freezeEncoder: {
      type: 'boolean',
      default: false,
      description: 'Leave the pre-trained part as it is and train the rest only.',
      examples: [false, true],
    },
    freezeFor: {
      ...probability,
      default: 0,
      description:
        'Share of the run, from its start, in which the pre-trained part stays as it is, so that the rest first learns to ' +
        'use it (Kumar et al. 2022); after that all is trained. Without a checkpoint all is trained at once. Released code: 0.',
      examples: [0, 0.5],
    },
    kernelScale: {
      ...positive,
      type: ['number', 'null'],
      default: null,
      description:
        'Root mean square to which kernels of the checkpoint are scaled where an instance norm follows them. The network ' +
        'computes the same, but a step of the optimizer turns a larger kernel less (van Laarhoven 2017): for a rate that is ' +
        'much larger than that of the pre-training, in whose first steps small kernels are overwritten. null: as they are ' +
        '(released code).',
      examples: [null, 0.25],
    },
    encoderRate: {
      ...positive,
      default: 1,
      description: 'Learning rate of the pre-trained part as a multiple of optimizer.lr. Released code: 1.',
      examples: [1, 0.1],
    },
  },
} as const;

export const lossSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Dice loss plus cross entropy (MONAI DiceCELoss); only the latter for classification.',
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
      description: 'Weight of each class in the cross entropy of classification. null: all alike.',
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
      description: 'Share of a window that the next one covers again. Released VoCo code: 0.75.',
      examples: [0.75, 0.5],
    },
    mode: {
      type: 'string',
      enum: ['gaussian', 'constant'],
      default: 'gaussian',
      description: "How the voxels of overlapping windows count: more in the middle, or all alike (MONAI's default).",
      examples: ['gaussian', 'constant'],
    },
    batch: { ...count, maximum: 256, default: 4, description: 'Windows at a time.', examples: [4] },
    flips: {
      type: 'boolean',
      default: false,
      description: 'Average over all mirror images of each window: eight times the work.',
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
