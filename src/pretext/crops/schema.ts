import { count, intensityAugmentation, pair, positive, probability, triple } from '../../schema';

/** Keys of the section `method` that pretext tasks share which learn from single crops. */

/** The size of the crops. */
export const cropSize = {
  ...triple({ type: 'integer', minimum: 8, maximum: 512 }),
  default: [64, 64, 64],
  description:
    'Size of a crop in voxels of the preprocessed volume along x, y, z; what passes through the network. Smaller volumes are ' +
    'padded with zeros.',
  examples: [
    [64, 64, 64],
    [96, 96, 96],
    [160, 160, 160],
  ],
} as const;

/** The size of a place in millimetres, for tasks that lay a grid on volumes. */
export const placeMm = {
  ...triple(positive),
  type: ['array', 'null'],
  default: null,
  description:
    'Size of a place of the grid in millimetres along x, y, z, for volumes whose fields of view differ: places are then at fixed distances ' +
    'from the middle of a volume instead of shares of it. Needs data.preprocess.resize null; a small volume has fewer of the places. null: ' +
    '"crop" says it in voxels.',
  examples: [null, [96, 96, 96]],
} as const;

/** How many crops of a volume a step takes. */
export const cropsPerVolume = {
  ...count,
  maximum: 64,
  default: 1,
  description: 'Crops of a volume in a step.',
  examples: [1, 4],
} as const;

const rotate = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Turns a crop by a random angle about each axis.',
  examples: [{ prob: 0.2, degrees: 30 }],
  properties: {
    prob: { ...probability, default: 0, description: 'Probability of a turn, 0 to 1.', examples: [0, 0.2] },
    degrees: {
      type: 'number',
      minimum: 0,
      maximum: 180,
      default: 30,
      description: 'Largest angle, degrees.',
      examples: [30],
    },
  },
} as const;

const zoom = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'Shows a smaller or larger part of the volume in a crop of the same size.',
  examples: [{ prob: 0.2, range: [0.7, 1.4] }],
  properties: {
    prob: { ...probability, default: 0, description: 'Probability of a zoom, 0 to 1.', examples: [0, 0.2] },
    range: {
      ...pair({ type: 'number', minimum: 0.25, maximum: 4 }),
      default: [0.7, 1.4],
      description: 'Smallest and largest factor; below 1, things look larger. Either side of 1 is drawn equally often.',
      examples: [[0.7, 1.4]],
    },
  },
} as const;

const flip = {
  ...probability,
  description: 'Probability of a flip along each axis, 0 to 1.',
  examples: [0.5, 0],
} as const;

/** What happens to a crop before the task takes it: its target is augmented with it. */
export const cropAugmentation = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description:
    'Augmentations of a crop in training, drawn for each on its own. The target of the task is augmented alike.',
  examples: [{ flip: 0.5 }, { flip: 0.5, rotate: { prob: 0.2 }, zoom: { prob: 0.2 } }],
  properties: { flip: { ...flip, default: 0.5 }, rotate, zoom, intensity: intensityAugmentation },
} as const;

/** The same for tasks that ask how a crop lies, which flips make ambiguous. */
export const uprightAugmentation = {
  ...cropAugmentation,
  examples: [{ zoom: { prob: 0.2 } }],
  properties: { ...cropAugmentation.properties, flip: { ...flip, default: 0, examples: [0] } },
} as const;

/** The figures of nnssl for {@link intensity}. */
export const nnsslIntensity = {
  noise: 0.1,
  blur: 0.2,
  brightness: 0.15,
  contrast: 0.15,
  lowResolution: 0.1,
  gamma: 0.3,
} as const;
