import { count, pair, pathString, positive } from '../../schema/shapes';

/** Keys that only some values of the sibling key `name` look at. */
const usedBy = <const Names extends readonly string[]>(...names: Names) => ({ usedBy: names });

export const optimizerSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The optimizer.',
  examples: [{ name: 'adamw', lr: 0.0001 }],
  properties: {
    name: {
      type: 'string',
      enum: ['adamw', 'sgd'],
      default: 'adamw',
      description: 'adamw (released VoCo code, with amsgrad) or sgd with momentum, as in nnU-Net and nnssl.',
      examples: ['adamw', 'sgd'],
    },
    lr: {
      ...positive,
      default: 1e-4,
      description: 'Learning rate after warm-up. Released VoCo code: 1e-4.',
      examples: [0.0001],
    },
    weightDecay: {
      type: 'number',
      minimum: 0,
      default: 0.01,
      description:
        'Decoupled weight decay. Released VoCo code: 0.01 in effect, since its own setting of 0.1 never reaches the optimizer.',
      examples: [0.01],
    },
    betas: {
      ...usedBy('adamw'),
      ...pair({ type: 'number', minimum: 0, exclusiveMaximum: 1 }),
      default: [0.9, 0.999],
      description: 'Decay rates of the two moment estimates of adamw.',
      examples: [[0.9, 0.999]],
    },
    eps: {
      ...usedBy('adamw'),
      ...positive,
      default: 1e-8,
      description: 'Added to the denominator of adamw.',
      examples: [1e-8],
    },
    amsgrad: {
      ...usedBy('adamw'),
      type: 'boolean',
      default: true,
      description: 'Divide by the largest second moment so far (adamw). Released VoCo code: true.',
      examples: [true],
    },
    momentum: {
      ...usedBy('sgd'),
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.9,
      description: 'Momentum of sgd. nnU-Net and nnssl: 0.99.',
      examples: [0.9, 0.99],
    },
    nesterov: {
      ...usedBy('sgd'),
      type: 'boolean',
      default: false,
      description: 'Nesterov’s momentum instead of the plain one (sgd), as in nnU-Net and nnssl.',
      examples: [false, true],
    },
    clipNorm: {
      ...positive,
      type: ['number', 'null'],
      default: null,
      description:
        'Scale gradients down to this Euclidean norm over all parameters. null: off, as in the released VoCo code.',
      examples: [null, 1],
    },
  },
} as const;

export const scheduleName = {
  type: 'string',
  enum: ['warmup-cosine', 'poly', 'constant'],
  default: 'warmup-cosine',
  description:
    'warmup-cosine: linear warm-up from 0, then half a cosine down to minLr. poly: the same warm-up, then a power of the share of ' +
    'steps that are left, as in nnU-Net and nnssl. constant: always lr.',
  examples: ['warmup-cosine', 'poly', 'constant'],
} as const;

export const schedulePower = {
  ...usedBy('poly'),
  ...positive,
  default: 0.9,
  description: 'The power of schedule poly. nnU-Net and nnssl: 0.9.',
  examples: [0.9, 1],
} as const;

export const scheduleSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How the learning rate changes over the run.',
  examples: [{ name: 'warmup-cosine', warmupSteps: 5000 }],
  properties: {
    name: scheduleName,
    warmupSteps: {
      type: 'integer',
      minimum: 0,
      default: 5000,
      description: 'Steps of warm-up. Released VoCo code: 5,000 of 250,000.',
      examples: [5000],
    },
    minLr: {
      type: 'number',
      minimum: 0,
      default: 0,
      description: 'Learning rate at the last step.',
      examples: [0],
    },
    power: schedulePower,
  },
} as const;

export const trainSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Length of the run, batches, validation and checkpoints.',
  examples: [{ steps: 250000, batch: 2 }],
  properties: {
    steps: {
      ...count,
      default: 250000,
      description: 'Optimizer steps. Released VoCo code: 250,000.',
      examples: [250000],
    },
    batch: {
      ...count,
      maximum: 1024,
      default: 2,
      description:
        'Volumes per step. Each gives randomCrops random crops and all its base crops. Released VoCo code: 2.',
      examples: [2],
    },
    microBatch: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description:
        'Crops that go through the network at a time. Fewer need less memory and one more forward pass; the gradient is ' +
        'exactly the same. 0: chosen by the free memory.',
      examples: [0, 4],
    },
    validateEvery: { ...count, default: 1000, description: 'Steps between validations.', examples: [1000] },
    checkpointEvery: { ...count, default: 1000, description: 'Steps between checkpoints.', examples: [1000] },
    keepLast: {
      ...count,
      default: 3,
      description: 'Checkpoints to keep; the best one is kept as well, older ones are deleted.',
      examples: [3],
    },
    initFrom: {
      ...pathString,
      type: ['string', 'null'],
      default: null,
      description: 'Checkpoint whose weights the networks start from. null: random weights.',
      examples: [null, 'runs/first/checkpoints/step-00010000.safetensors'],
    },
  },
} as const;
