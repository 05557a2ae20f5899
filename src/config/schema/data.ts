import { pair, pathPattern, pathString, positive, triple } from '../../schema/shapes';

const sourceName = {
  type: 'string',
  minLength: 1,
  description: 'Short name of this source in logs and tables. Left out: the name of its file or folder.',
  examples: ['btcv'],
} as const;

/** Keys that every kind of source has. */
const common = {
  name: sourceName,
  channel: {
    anyOf: [
      { type: 'integer', minimum: 0, title: 'a channel number from 0' },
      { type: 'string', minLength: 1, title: 'the name of a channel, or "all"' },
    ],
    description:
      'Which channel to take where each case has one file a channel, as CASE_0000 and CASE_0001 of nnU-Net: its number from 0, its ' +
      'name in dataset.json, or "all". Left out: such cases are refused, unless data.channel is "all".',
    examples: [0, 'FLAIR', 'all'],
  },
} as const;

const datalistSource = {
  type: 'object',
  title: 'datalist',
  description:
    'A list of volumes: JSON of the Medical Segmentation Decathlon, MONAI, nnU-Net or nnssl, a table, or paths.',
  additionalProperties: false,
  required: ['datalist'],
  properties: {
    datalist: {
      ...pathString,
      description:
        'The datalist file: JSON with lists of {"image": …, "label": …} under keys such as "training", a CSV with the columns image ' +
        'and label, or a text with one path a line.',
      examples: ['dataset_0.json'],
    },
    key: {
      type: 'string',
      minLength: 1,
      default: 'training',
      description: 'Which list of the datalist to take.',
      examples: ['training', 'validation'],
    },
    folds: {
      type: 'array',
      minItems: 1,
      items: { type: 'integer', minimum: 0 },
      description:
        'Takes only entries whose "fold" is in this list, as in the released lists of BraTS 21. Left out: all entries.',
      examples: [[1, 2, 3, 4]],
    },
    baseDir: {
      ...pathString,
      description: "Folder that the datalist's image paths start from. Left out: the folder of the datalist.",
      examples: ['../BTCV'],
    },
    ...common,
  },
} as const;

const folderSource = {
  type: 'object',
  title: 'folder',
  description: 'Every image in a folder, at any depth, without label maps.',
  additionalProperties: false,
  required: ['folder'],
  properties: {
    folder: {
      ...pathString,
      description: 'Folder with volumes: NIfTI, NRRD, MetaImage and MGH files, or DICOM series.',
      examples: ['imagesTr'],
    },
    ...common,
  },
} as const;

const globSource = {
  type: 'object',
  title: 'glob',
  description: 'Every file that a pattern matches.',
  additionalProperties: false,
  required: ['glob'],
  properties: {
    glob: {
      ...pathPattern,
      description: 'Pattern of file paths: * matches within one folder, ** across folders, {a,b} either of two.',
      examples: ['ct/**/*.nii.gz'],
    },
    ...common,
  },
} as const;

const maskFolder = {
  ...pathString,
  type: ['string', 'null'],
} as const;

const regionMasks = {
  type: 'object',
  additionalProperties: false,
  description:
    'Masks of each image, 1 inside and 0 outside, on its voxel grid. Left out: those that the list names, nnssl’s ' +
    'pretrain_data.json under "associated_masks", others as "anonymization_mask" and "anatomy_mask" of an entry.',
  examples: [{ anatomy: 'masks/brain' }],
  properties: {
    anonymization: {
      ...maskFolder,
      description:
        'Folder with a mask for each image, called as the image, of what an anonymisation removed: no loss there, where images are ' +
        'restored. null: masks that the list names are not used. Left out: they are.',
      examples: ['masks/deface', null],
    },
    anatomy: {
      ...maskFolder,
      description:
        'Folder with a mask for each image, called as the image, of the anatomy: crops are drawn around its voxels. null: masks that ' +
        'the list names are not used. Left out: they are.',
      examples: ['masks/brain', null],
    },
  },
} as const;

/** What every kind of task takes its cases from. */
export const plainSources = [datalistSource, folderSource, globSource] as const;

const source = {
  anyOf: [
    { ...datalistSource, properties: { ...datalistSource.properties, regionMasks } },
    { ...folderSource, properties: { ...folderSource.properties, regionMasks } },
    { ...globSource, properties: { ...globSource.properties, regionMasks } },
  ],
} as const;

const storedValues = {
  unwrap: {
    type: 'boolean',
    description:
      'Turns negative values back that were stored as unsigned 16-bit numbers: 64512 becomes -1024. Left out: false.',
    examples: [true],
  },
  check: {
    type: 'boolean',
    description:
      'Whether values are judged before they are used: whether they are in the units of the window, and not damaged. ' +
      'false trains on them as they are. Left out: true.',
    examples: [false],
  },
} as const;

const windowIntensity = {
  type: 'object',
  title: 'window',
  description: 'Maps the window low…high linearly to the range "to" (MONAI ScaleIntensityRange). For CT.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { const: 'window', description: 'Linear intensity window.', examples: ['window'] },
    low: {
      type: 'number',
      default: -175,
      description:
        'Lower end of the window, in Hounsfield units for CT. Released VoCo code: -175; -1000 for its chest sets.',
      examples: [-175, -1000],
    },
    high: {
      type: 'number',
      default: 250,
      description:
        'Upper end of the window, in Hounsfield units for CT. Released VoCo code: 250; 500 for its chest sets.',
      examples: [250, 500],
    },
    to: {
      ...pair({ type: 'number' }),
      default: [0, 1],
      description: 'Intensities to which the ends of the window are mapped.',
      examples: [[0, 1]],
    },
    clip: {
      type: 'boolean',
      default: true,
      description: 'Clip intensities to the window.',
      examples: [true],
    },
    rescale: {
      type: 'number',
      exclusiveMinimum: 0,
      description:
        'Factor that stored values are multiplied by before the window, as for CT that was scaled to 0–1. Left out: 1.',
      examples: [425, 4095],
    },
    offset: {
      type: 'number',
      description:
        'Added to stored values (after rescale) before the window: -1024 for CT that is stored 1024 too high. Left out: 0.',
      examples: [-1024],
    },
    ...storedValues,
  },
} as const;

const zscoreIntensity = {
  type: 'object',
  title: 'zscore',
  description:
    'Subtracts the mean and divides by the standard deviation, per channel (MONAI NormalizeIntensity). For MRI.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { const: 'zscore', description: 'Zero mean, unit standard deviation.', examples: ['zscore'] },
    nonzero: {
      type: 'boolean',
      default: true,
      description: 'Take mean and deviation over non-zero voxels only, and leave zeros as they are.',
      examples: [true],
    },
    ...storedValues,
  },
} as const;

const percentileIntensity = {
  type: 'object',
  title: 'percentile',
  description:
    'Maps two percentiles of each channel linearly to the range "to" (MONAI ScaleIntensityRangePercentiles). For MRI with a few very ' +
    'bright voxels.',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { const: 'percentile', description: 'Window between two percentiles.', examples: ['percentile'] },
    low: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 0.5,
      description: 'Percentile that becomes the lower end of "to".',
      examples: [0.5],
    },
    high: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 99.5,
      description: 'Percentile that becomes the upper end of "to".',
      examples: [99.5],
    },
    nonzero: {
      type: 'boolean',
      default: true,
      description: 'Take percentiles of non-zero voxels only, and leave zeros as they are.',
      examples: [true],
    },
    to: {
      ...pair({ type: 'number' }),
      default: [0, 1],
      description: 'Intensities to which the percentiles are mapped.',
      examples: [[0, 1]],
    },
    clip: {
      type: 'boolean',
      default: true,
      description: 'Clip intensities to "to".',
      examples: [true],
    },
    ...storedValues,
  },
} as const;

const preprocess = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What is done to each volume before crops are taken, in this order. The result is cached on disk.',
  examples: [{ spacing: [1.5, 1.5, 1.5], resize: [384, 384, 96] }],
  properties: {
    orientation: {
      type: ['string', 'null'],
      pattern: '^(?=.*[RL])(?=.*[AP])(?=.*[SI])[RLAPSI]{3}$',
      patternErrorMessage: 'three letters such as "RAS": one of R/L, one of A/P, one of S/I',
      default: 'RAS',
      description: 'Reorient the axes to this orientation (one letter each of R/L, A/P, S/I). null: keep as stored.',
      examples: ['RAS', 'LPS', null],
    },
    spacing: {
      ...triple(positive),
      type: ['array', 'null'],
      default: null,
      description:
        'Resample to this voxel size, in millimetres along x, y, z. null: keep. The released VoCo code of the 10k set does ' +
        'not resample (it resizes the foreground box); its large-scale successor uses 1.5 mm, 1.25×1.25×5 mm for chest.',
      examples: [[1.5, 1.5, 1.5], [1.25, 1.25, 5], null],
    },
    intensity: {
      anyOf: [windowIntensity, zscoreIntensity, percentileIntensity, { type: 'null', title: 'null' }],
      default: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
      description: 'Intensity scaling: a window for CT, z-scores or percentiles for MRI, null for none.',
      examples: [
        { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
        { kind: 'zscore', nonzero: true },
        { kind: 'percentile', low: 0.5, high: 99.5 },
        null,
      ],
    },
    foreground: {
      type: ['object', 'null'],
      additionalProperties: false,
      default: { threshold: 0.3 },
      description: 'Crop the volume to the bounding box of its foreground (MONAI CropForeground). null: keep all.',
      examples: [{ threshold: 0.3 }, { threshold: 'nonzero' }, null],
      properties: {
        threshold: {
          anyOf: [
            { type: 'number', title: 'a number' },
            { const: 'nonzero', title: '"nonzero"' },
          ],
          default: 0.3,
          description:
            'Voxels above this are foreground, in scaled intensity; "nonzero": voxels whose stored value is not 0, for MRI, of whose z-scores ' +
            'half are below 0. Released VoCo code: 0.3, which is -47.5 HU in its window; its large-scale successor: 0.',
          examples: [0.3, 0, 'nonzero'],
        },
      },
    },
    resize: {
      ...triple({ type: 'integer', minimum: 8, maximum: 2048 }),
      type: ['array', 'null'],
      default: [384, 384, 96],
      description:
        'Resize every volume to this many voxels along x, y, z. Released VoCo code: 384×384×96; its large-scale successor: ' +
        '192×192×64. null: keep, then every volume must be at least grid × crop.',
      examples: [[384, 384, 96], [192, 192, 64], null],
    },
  },
} as const;

const cache = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'On-disk cache of preprocessed volumes. A 384×384×96 volume takes 57 MB.',
  examples: [{ enabled: true, folder: null }],
  properties: {
    enabled: {
      type: 'boolean',
      default: true,
      description: 'Keep preprocessed volumes on disk. Off: every volume is preprocessed again each time it is drawn.',
      examples: [true],
    },
    folder: {
      ...pathString,
      type: ['string', 'null'],
      default: null,
      description:
        'Folder of the cache. null: the cache folder of the user. VOCO_CACHE_DIR in the environment overrides.',
      examples: ['/scratch/voco-cache', null],
    },
  },
} as const;

/** Which channel of its images a network gets. */
export const channelOfData = {
  anyOf: [
    { type: 'integer', minimum: 0, title: 'a channel number from 0' },
    { const: 'all', title: '"all"' },
  ],
  default: 0,
  description: 'Which channel of 4-D images to take (from 0), or "all" to use each as an input channel of the network.',
  examples: [0, 'all'],
} as const;

export const dataSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['train'],
  description: 'Training volumes and their preprocessing.',
  examples: [{ train: [{ folder: 'imagesTr' }] }],
  properties: {
    train: {
      type: 'array',
      minItems: 1,
      items: source,
      description: 'Volumes to pre-train on: datalists, folders and patterns, several at once. No labels are needed.',
      examples: [
        [{ datalist: 'dataset_0.json', key: 'training' }],
        [{ folder: 'imagesTr' }],
        [{ glob: 'ct/**/*.nii.gz' }],
      ],
    },
    validation: {
      type: 'array',
      items: source,
      default: [],
      description: 'Held-out volumes on which loss and position accuracy are measured. May be empty.',
      examples: [[{ datalist: 'dataset_0.json', key: 'validation' }]],
    },
    validationFraction: {
      type: 'number',
      minimum: 0,
      maximum: 0.9,
      default: 0,
      description: 'Share of the training volumes to hold out (drawn with the seed) when "validation" is empty.',
      examples: [0, 0.1],
    },
    channel: {
      ...channelOfData,
      anyOf: [...channelOfData.anyOf, { const: 'random', title: '"random"' }],
      description:
        'Which channel of 4-D images to take (from 0), "all" to use each as an input channel of the network, or "random": for each crop ' +
        'one of those that its image has. So a network of one channel learns from all sequences of MRI.',
      examples: [0, 'all', 'random'],
    },
    missingChannels: {
      enum: ['stop', 'zero'],
      type: 'string',
      default: 'stop',
      description:
        'What a run does with a case that lacks the file of a channel, where all are taken. stop: the run ends and names it. zero: the ' +
        'channel is 0 everywhere after preprocessing, as for a patient without one of the sequences. Lists name such a channel null.',
      examples: ['stop', 'zero'],
    },
    onBadCase: {
      enum: ['stop', 'skip'],
      type: 'string',
      default: 'stop',
      description:
        'What a run does with a case that is damaged or does not fit: a file that cannot be read, intensities in other units ' +
        'than the window, a label on another grid. stop: the run ends and names it. skip: the case is left out, another one ' +
        'takes its place, and skipped.json in the run directory lists it.',
      examples: ['stop', 'skip'],
    },
    allowLeakage: {
      type: 'boolean',
      default: false,
      description:
        'Go on although an image is both held out and trained on, with a warning: scores on it are too good. Off: such a run is refused.',
      examples: [false, true],
    },
    preprocess,
    cache,
    workers: {
      type: 'integer',
      minimum: 0,
      maximum: 64,
      default: 1,
      description: 'Threads that load volumes and cut crops. 0: the training thread does it.',
      examples: [1, 4],
    },
    prefetch: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 2,
      description: 'Batches that are prepared in advance.',
      examples: [2],
    },
  },
} as const;
