import { cropSize, cropsPerVolume, uprightAugmentation } from '../crops/schema';

/** Which turns tasks ask for that turn a crop. */
export const turnPlanes = {
  type: 'string',
  enum: ['all', 'axial'],
  default: 'all',
  description:
    'all: none, or a turn by 90°, 180° or 270° about x, y or z (ten classes, crops must be cubes). axial: turns about z alone (four ' +
    'classes, crops must be square in x and y).',
  examples: ['all', 'axial'],
} as const;

/** The section `method` of a config that pre-trains by telling how a crop was turned. */
export const rotationSchema = {
  type: 'object',
  title: 'Rotation: tell how a crop was turned',
  examples: [{ name: 'rotation', turns: 'all' }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'rotation',
      default: 'rotation',
      description: 'A crop is turned by quarters of a circle, and the network tells how.',
      examples: ['rotation'],
    },
    crop: cropSize,
    perVolume: cropsPerVolume,
    turns: turnPlanes,
    augment: uprightAugmentation,
  },
} as const;
