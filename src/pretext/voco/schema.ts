import { count, intensityAugmentation, positive, probability, spatialAugmentation, triple } from '../../schema';
import { placeMm } from '../crops/schema';
import { objectiveDescriptors, objectiveNames, teacherChoices } from './objectives/descriptors';

const augment = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Augmentations, drawn independently for every crop, base crops included (as in the released VoCo code).',
  examples: [{ flip: 0.2, rotate90: 0.2 }],
  properties: {
    ...spatialAugmentation,
    shiftIntensity: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Adds one random number to all voxels of a crop.',
      examples: [{ prob: 0.1, offset: 0.1 }],
      properties: {
        prob: {
          ...probability,
          default: 0.1,
          description: 'Probability of the shift, 0 to 1. Released VoCo code: 0.1; its large-scale successor: 0.5.',
          examples: [0.1, 0.5],
        },
        offset: {
          type: 'number',
          minimum: 0,
          default: 0.1,
          description: 'Largest shift, in scaled intensity. Released VoCo code: 0.1.',
          examples: [0.1],
        },
      },
    },
    intensity: intensityAugmentation,
  },
} as const;

const projector = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The projector from pooled features to embeddings: three linear layers with a norm between them.',
  examples: [{ hidden: 2048, out: 2048 }],
  properties: {
    hidden: {
      ...count,
      default: 2048,
      description: 'Width of the two hidden layers. Released VoCo code: 2048; its large-scale successor: 1024.',
      examples: [2048, 1024],
    },
    out: {
      ...count,
      default: 2048,
      description: 'Length of an embedding. Released VoCo code: 2048; its large-scale successor: 1024.',
      examples: [2048, 1024],
    },
    norm: {
      type: 'string',
      enum: ['batch', 'layer'],
      default: 'batch',
      description:
        'batch: over all crops of a step, as in the released VoCo code. layer: over the numbers of each crop, as nnssl’s norm does in effect.',
      examples: ['batch', 'layer'],
    },
  },
} as const;

/** The objectives in words, for the documentation of the key. */
const objectives = objectiveDescriptors.all.map(({ name, description }) => `${name}: ${description}.`).join(' ');

/** The section `method` of a config that pre-trains with VoCo. */
export const vocoSchema = {
  type: 'object',
  title: 'VoCo: volume contrast',
  examples: [{ name: 'voco', objective: 'voco-10k' }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'voco',
      default: 'voco',
      description: 'Volume contrast: predict where a random crop lies among base crops.',
      examples: ['voco'],
    },
    objective: {
      type: 'string',
      enum: objectiveNames,
      default: 'voco-10k',
      description: `Loss and teacher. ${objectives}`,
      examples: ['voco-10k', 'cvpr-paper', 'tpami', 'softmax', 'nnssl'],
    },
    grid: {
      ...triple({ type: 'integer', minimum: 1, maximum: 32 }),
      default: [4, 4, 1],
      description: 'Number of base crops along x, y, z. Released VoCo code: 4×4×1; its large-scale successor: 3×3×1.',
      examples: [
        [4, 4, 1],
        [3, 3, 1],
      ],
    },
    gridPlace: {
      type: 'string',
      enum: ['centre', 'random'],
      default: 'centre',
      description:
        'Where the grid lies in a volume that is larger. centre: always in the middle; released VoCo code resizes volumes to the grid. ' +
        'random: anywhere, anew at each step, and smaller volumes are padded with zeros, as in nnssl.',
      examples: ['centre', 'random'],
    },
    crop: {
      ...triple({ type: 'integer', minimum: 4, maximum: 1024 }),
      default: [96, 96, 96],
      description:
        'Size of base and random crops, in voxels of the preprocessed volume along x, y, z. Released VoCo code: 96³; its ' +
        'large-scale successor: 64³.',
      examples: [
        [96, 96, 96],
        [64, 64, 64],
      ],
    },
    cropMm: placeMm,
    input: {
      ...triple({ type: 'integer', minimum: 16, maximum: 512 }),
      default: [64, 64, 64],
      description:
        'Crops are resized to this many voxels for the network; the same as "crop" means no resize. Multiples of 32 for ' +
        'Swin-UNETR. Released VoCo code: 64³.',
      examples: [[64, 64, 64]],
    },
    randomCrops: {
      ...count,
      maximum: 64,
      default: 2,
      description: 'Random crops per volume and step. Released VoCo code: 2; nnssl: 4.',
      examples: [2, 4],
    },
    augment,
    projector,
    teacher: {
      type: 'string',
      enum: teacherChoices,
      default: 'objective',
      description:
        'What the crops of a volume are compared with. objective: the teacher of the objective’s authors. none: the network itself, ' +
        'without gradient. projector or network: a moving average of the projector alone, or of the encoder as well.',
      examples: ['objective', 'none', 'network'],
    },
    teacherMomentum: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.9,
      description:
        'Momentum of the teacher: the share of its old weights that it keeps at each step. Released VoCo code: 0.9. Unused without a teacher.',
      examples: [0.9, 0.99],
    },
    teacherInit: {
      type: 'string',
      enum: ['independent', 'copy'],
      default: 'independent',
      description:
        'How the teacher starts: with its own random weights (released VoCo code) or as a copy of the student.',
      examples: ['independent', 'copy'],
    },
    regularizerWeight: {
      type: 'number',
      minimum: 0,
      default: 1,
      description:
        'Weight of the base regulariser that keeps embeddings of different bases apart (lambda; paper and code: 1). 0: without it.',
      examples: [1, 0],
    },
    interWeight: {
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'Weight of the contrast between volumes, for objective tpami (released code: 1).',
      examples: [1],
    },
    temperature: {
      ...positive,
      default: 0.1,
      description:
        'What cosines are divided by before the softmax, for objective softmax: the smaller, the surer. The news item names none.',
      examples: [0.1, 0.5],
    },
    featureDropout: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.2,
      description:
        'Share of features dropped in the student view of the contrast between volumes, for objective tpami.',
      examples: [0.2],
    },
  },
} as const;
