import { pair } from '../../schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

/** The section `method` of a config that pre-trains with Volume Fusion. */
export const volumeFusionSchema = {
  type: 'object',
  title: 'Volume Fusion: tell how two crops were mixed',
  examples: [{ name: 'volume-fusion', crop: [64, 64, 64], classes: 5 }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'volume-fusion',
      default: 'volume-fusion',
      description:
        'Two crops, of two volumes where a batch has several, are mixed in boxes, and the network tells the share of each voxel.',
      examples: ['volume-fusion'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    classes: {
      type: 'integer',
      minimum: 2,
      maximum: 17,
      default: 5,
      description: 'Shares that are told apart, from 0 to 1 in equal steps. Volume Fusion: 5.',
      examples: [5, 9],
    },
    boxes: {
      ...pair({ type: 'integer', minimum: 1, maximum: 1000 }),
      default: [10, 39],
      description: 'Fewest and most boxes of a crop. nnssl: 10 to 39.',
      examples: [[10, 39]],
    },
    augment: cropAugmentation,
  },
} as const;
