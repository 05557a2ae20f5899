import { blockSize, maskRatio } from '../mae/schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

/** The section `method` of a config that pre-trains with SimMIM. */
export const simmimSchema = {
  type: 'object',
  title: 'SimMIM: restore cubes behind a token',
  examples: [{ name: 'simmim', crop: [64, 64, 64], block: 16, ratio: 0.75 }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'simmim',
      default: 'simmim',
      description:
        'Tokens of patches are replaced by a learnt one after the patch embedding; all tokens pass the encoder, and a light head restores the voxels.',
      examples: ['simmim'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    block: blockSize,
    ratio: maskRatio,
    augment: cropAugmentation,
  },
} as const;
