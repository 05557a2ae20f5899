import { cropSize, cropsPerVolume, uprightAugmentation } from '../crops/schema';
import { turnPlanes } from '../rotation/schema';

/** The section `method` of a config that pre-trains by putting turned crops upright. */
export const rotateRestoreSchema = {
  type: 'object',
  title: 'Rotate and restore: put a turned crop upright',
  examples: [{ name: 'rotate-restore', turns: 'all' }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'rotate-restore',
      default: 'rotate-restore',
      description: 'A crop is turned by quarters of a circle, and the network gives it as it was.',
      examples: ['rotate-restore'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    turns: turnPlanes,
    augment: uprightAugmentation,
  },
} as const;
