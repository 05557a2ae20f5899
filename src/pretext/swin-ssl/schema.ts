import { count, positive, probability } from '../../schema';
import { cropSize, cropsPerVolume, uprightAugmentation } from '../crops/schema';

const weight = (text: string) =>
  ({
    type: 'number',
    minimum: 0,
    default: 1,
    description: `Weight of the ${text}. Released code: 1.`,
    examples: [1, 0],
  }) as const;

/** The section `method` of a config that pre-trains with Swin-UNETR's objective. */
export const swinSslSchema = {
  type: 'object',
  title: 'Swin-UNETR objective: in-painting, rotation and contrast',
  examples: [{ name: 'swin-ssl', crop: [96, 96, 96] }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'swin-ssl',
      default: 'swin-ssl',
      description:
        'Two views of a crop are turned about z and partly cut out; the network restores them, tells the turns, and tells which views ' +
        'belong together.',
      examples: ['swin-ssl'],
    },
    crop: { ...cropSize, default: [96, 96, 96] },
    perVolume: { ...cropsPerVolume, description: 'Crops of a volume in a step, two views each.' },
    cut: {
      ...probability,
      default: 0.3,
      description:
        'Largest share of a view that is cut out, first filled with noise, then again with voxels of another crop. Released code: 0.3.',
      examples: [0.3],
    },
    temperature: {
      ...positive,
      default: 0.5,
      description: 'Temperature of the contrast. Released code: 0.5.',
      examples: [0.5],
    },
    embedding: { ...count, default: 512, description: 'Length of an embedding. Released code: 512.', examples: [512] },
    restoreWeight: weight('error of the restored voxels'),
    rotationWeight: weight('cross entropy of the turn'),
    contrastWeight: weight('contrast'),
    augment: uprightAugmentation,
  },
} as const;
