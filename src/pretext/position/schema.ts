import { triple } from '../../schema';
import { cropSize, cropsPerVolume, placeMm, uprightAugmentation } from '../crops/schema';

/** The section `method` of a config that pre-trains by classifying positions. */
export const positionSchema = {
  type: 'object',
  title: 'Position: classify where a crop lies',
  examples: [{ name: 'position', grid: [3, 3, 1], labels: 'hard' }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'position',
      default: 'position',
      description:
        'A linear classifier on VoCo’s grid: which base crop does a random crop lie in? The baseline that the VoCo paper argues against.',
      examples: ['position'],
    },
    grid: {
      ...triple({ type: 'integer', minimum: 1, maximum: 32 }),
      default: [3, 3, 1],
      description: 'Number of places along x, y, z, each as large as a crop.',
      examples: [
        [3, 3, 1],
        [4, 4, 1],
      ],
    },
    crop: cropSize,
    cropMm: {
      ...placeMm,
      description: `${placeMm.description} Crops are resized to "crop" voxels.`,
    },
    perVolume: { ...cropsPerVolume, default: 4 },
    labels: {
      type: 'string',
      enum: ['hard', 'soft'],
      default: 'hard',
      description:
        'hard: the place that has most of the crop. soft: the share of the crop in each place, as VoCo’s position labels.',
      examples: ['hard', 'soft'],
    },
    augment: uprightAugmentation,
  },
} as const;
