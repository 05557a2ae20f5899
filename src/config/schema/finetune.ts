import type { FromSchema } from 'json-schema-to-ts';
import { channelOfData, dataSchema, plainSources } from './data';
import { networkSchema } from './network';
import { pretrainSchema } from './pretrain';
import { count } from '../../schema/shapes';
import { studySchema } from './study';
import { cropsSchema, finetuneAugmentSchema, inferenceSchema, initSchema, lossSchema, taskSchema } from './task';
import { phasesSchema } from './phases';
import { optimizerSchema, scheduleName, schedulePower } from './training';

const { properties: common } = pretrainSchema;
const { properties: data } = dataSchema;
const { properties: steps } = data.preprocess;

const preprocess = {
  ...data.preprocess,
  examples: [{ spacing: [1.5, 1.5, 1.5] }],
  properties: {
    ...steps,
    spacing: {
      ...steps.spacing,
      default: [1.5, 1.5, 1.5],
      description:
        'Resample to this voxel size, in millimetres along x, y, z. null: keep. Released VoCo code: 1.5 mm (BTCV, LiTS, ' +
        'Spleen, MM-WHS), none for BraTS 21.',
    },
    foreground: {
      ...steps.foreground,
      default: { threshold: 0 },
      properties: {
        threshold: {
          ...steps.foreground.properties.threshold,
          default: 0,
          description: 'Voxels above this are foreground, in scaled intensity. Released VoCo code: 0.',
        },
      },
    },
    resize: {
      ...steps.resize,
      default: null,
      description: 'Resize every volume to this many voxels along x, y, z. null: keep, as the released VoCo code does.',
    },
  },
} as const;

const labelled = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { type: 'string', minLength: 1 },
  description:
    'Names of the classes that the label maps of this source tell of. Only those are trained and measured on its cases: what is ' +
    'not labelled may be any of the other classes (marginal loss, Shi et al. 2021). An entry of a datalist may have its own ' +
    '"labelled". Left out: all classes.',
  examples: [['liver']],
} as const;

const masks = {
  anyOf: [
    { const: 'all', title: '"all"' },
    { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 }, title: 'names of masks' },
  ],
  description:
    'Masks of one class each, as case/ct.nii.gz with case/segmentations/liver.nii.gz (AbdomenAtlas, ' +
    'TotalSegmentator), to merge into one label map: all, or those of these names. A mask has the value of the class of its ' +
    'name. Left out: no masks.',
  examples: ['all', ['liver', 'spleen']],
} as const;

const [datalist, folder, glob] = plainSources;

/** Sources of labelled cases, which may say what their label maps tell of. */
const labelledSource = {
  anyOf: [
    { ...datalist, properties: { ...datalist.properties, masks, labelled } },
    { ...folder, properties: { ...folder.properties, masks, labelled } },
    { ...glob, properties: { ...glob.properties, masks, labelled } },
  ],
} as const;

const finetuneData = {
  ...dataSchema,
  description: 'Labelled training volumes and their preprocessing.',
  properties: {
    train: {
      ...data.train,
      items: labelledSource,
      description:
        'Volumes with labels: datalists that name both, or folders and patterns whose labels lie beside them (imagesTr, ' +
        'labelsTr). For classification, a CSV file as "datalist".',
    },
    validation: {
      ...data.validation,
      items: labelledSource,
      description: 'Held-out volumes with labels, on which the scores are measured. May be empty.',
    },
    validationFraction: data.validationFraction,
    fraction: {
      type: ['number', 'null'],
      exclusiveMinimum: 0,
      maximum: 1,
      default: null,
      description: 'Share of the training volumes to learn from (drawn with the seed), for label-efficiency studies.',
      examples: [null, 0.1],
    },
    cases: {
      type: ['integer', 'null'],
      minimum: 1,
      default: null,
      description: 'Number of training volumes to learn from (drawn with the seed). null: all.',
      examples: [null, 4],
    },
    channel: channelOfData,
    missingChannels: data.missingChannels,
    labelsOnImageGrid: {
      type: 'boolean',
      default: false,
      description:
        'Takes a label of the size of its image voxel by voxel where its affine puts it elsewhere, as of masks that were saved ' +
        'without an affine. Off: such a label is an error. Labels that lie on their image in another orientation are always turned.',
      examples: [false, true],
    },
    onBadCase: data.onBadCase,
    allowLeakage: data.allowLeakage,
    preprocess,
    cache: data.cache,
  },
} as const;

const optimizer = {
  ...optimizerSchema,
  examples: [{ name: 'adamw', lr: 0.0003 }],
  properties: {
    ...optimizerSchema.properties,
    lr: {
      ...optimizerSchema.properties.lr,
      default: 3e-4,
      description: 'Learning rate after warm-up. Released VoCo code: 3e-4 (1e-3 for MM-WHS in its CVPR version).',
      examples: [0.0003],
    },
    weightDecay: {
      ...optimizerSchema.properties.weightDecay,
      default: 1e-5,
      description: 'Decoupled weight decay. Released VoCo code: 1e-5.',
      examples: [0.00001],
    },
    amsgrad: {
      ...optimizerSchema.properties.amsgrad,
      default: false,
      description: 'Divide by the largest second moment so far (adamw). Released VoCo code: false in fine-tuning.',
      examples: [false],
    },
  },
} as const;

const schedule = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'How the learning rate changes over the run.',
  examples: [{ name: 'warmup-cosine', warmupEpochs: 50 }],
  properties: {
    name: scheduleName,
    phases: phasesSchema,
    warmupEpochs: {
      usedWith: { phases: ['default'] },
      type: 'number',
      minimum: 0,
      default: 50,
      description:
        'Epochs of warm-up. Released VoCo code for BTCV: 20 of 1000, and 100 of 3000 in its CVPR version; other tasks: 5 or 50.',
      examples: [50],
    },
    minLr: { type: 'number', minimum: 0, default: 0, description: 'Learning rate at the end.', examples: [0] },
    power: schedulePower,
  },
} as const;

export const finetuneScheduleSchema = schedule;

const train = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Length of the run, batches, validation and checkpoints.',
  examples: [{ epochs: 1000, batch: 1 }],
  properties: {
    epochs: {
      ...count,
      default: 1000,
      description: 'Passes through the training volumes. Released VoCo code: 1000 for BTCV (3000 in its CVPR version).',
      examples: [1000],
    },
    steps: {
      type: ['integer', 'null'],
      minimum: 1,
      default: null,
      description: 'Optimizer steps instead of epochs, so that runs on few and on many cases have the same budget.',
      examples: [null, 2000],
    },
    batch: { ...count, maximum: 256, default: 1, description: 'Volumes a step. Released VoCo code: 1.', examples: [1] },
    microBatch: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description:
        'Crops that go through the network at a time; the gradient is the same. 0: chosen by the free memory.',
      examples: [0, 1],
    },
    validateEvery: {
      ...count,
      default: 50,
      description: 'Epochs (steps, where train.steps is set) between validations. Released VoCo code: 50 epochs.',
      examples: [50],
    },
    checkpointEvery: {
      ...count,
      default: 10,
      description: 'Epochs (steps, where train.steps is set) between checkpoints.',
      examples: [10],
    },
    keepLast: {
      ...count,
      default: 1,
      description: 'Checkpoints to keep; the one with the best validation score is kept as well.',
      examples: [1],
    },
  },
} as const;

/** The JSON Schema of a fine-tuning config; evaluation and segmentation read the same. */
export const finetuneSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'VoCo fine-tuning config',
  type: 'object',
  description:
    'Fine-tuning of a pre-trained network on labelled volumes. Relative paths start at the folder of this file.',
  additionalProperties: false,
  required: ['kind', 'data'],
  properties: {
    $schema: common.$schema,
    kind: { const: 'finetune', description: 'What the config is for.', examples: ['finetune'] },
    name: { ...common.name, default: 'finetune' },
    seed: common.seed,
    device: common.device,
    threads: common.threads,
    precision: common.precision,
    output: common.output,
    task: taskSchema,
    data: finetuneData,
    crops: cropsSchema,
    augment: finetuneAugmentSchema,
    network: { ...networkSchema, description: 'The network; its backbone must be that of the checkpoint.' },
    init: initSchema,
    loss: lossSchema,
    optimizer,
    schedule,
    train,
    inference: inferenceSchema,
    study: studySchema,
  },
} as const;

/** A config with every default filled in. */
export type FinetuneConfig = FromSchema<typeof finetuneSchema>;

/** What may be written in a file: everything that has a default may be left out. */
export type FinetuneConfigInput = FromSchema<typeof finetuneSchema, { keepDefaultedPropertiesOptional: true }>;
