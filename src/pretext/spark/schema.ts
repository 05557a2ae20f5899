import { pair } from '../../schema';
import { blockSize } from '../mae/schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

/** The section `method` of a config that pre-trains with SparK. */
export const sparkSchema = {
  type: 'object',
  title: 'SparK (S3D): restore cubes that the encoder never sees',
  examples: [{ name: 'spark', crop: [64, 64, 64], block: 16, ratio: [0.6, 0.9] }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'spark',
      default: 'spark',
      description:
        'Sparse masked autoencoder: convolutions and norms of the encoder see the visible voxels alone, and tokens take the hidden places in the skips.',
      examples: ['spark'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    block: blockSize,
    ratio: {
      ...pair({ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }),
      default: [0.75, 0.75],
      description:
        'Least and largest share of the cubes that is hidden, drawn for each crop. SparK in nnssl: 0.75; S3D: 0.6 to 0.9.',
      examples: [
        [0.75, 0.75],
        [0.6, 0.9],
      ],
    },
    augment: cropAugmentation,
  },
} as const;
