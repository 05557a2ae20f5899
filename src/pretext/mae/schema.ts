import { count } from '../../schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

/** Edge of the blocks that masked tasks hide. */
export const blockSize = {
  ...count,
  minimum: 2,
  maximum: 64,
  default: 16,
  description: 'Edge of the cubes that are hidden, voxels; crops must be multiples of it. nnssl: 16.',
  examples: [16, 8],
} as const;

/** Share of the blocks that masked tasks hide. */
export const maskRatio = {
  type: 'number',
  exclusiveMinimum: 0,
  exclusiveMaximum: 1,
  default: 0.75,
  description: 'Share of the cubes that is hidden. nnssl: 0.75.',
  examples: [0.75, 0.6],
} as const;

/** The section `method` of a config that pre-trains by restoring masked cubes. */
export const maeSchema = {
  type: 'object',
  title: 'MAE: restore hidden cubes',
  examples: [{ name: 'mae', crop: [64, 64, 64], block: 16, ratio: 0.75 }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'mae',
      default: 'mae',
      description: 'Masked autoencoder: cubes of a crop are hidden, and the network restores them.',
      examples: ['mae'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    block: blockSize,
    ratio: maskRatio,
    augment: cropAugmentation,
  },
} as const;
