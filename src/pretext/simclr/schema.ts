import { count, positive, probability } from '../../schema';
import { cropAugmentation, cropSize, cropsPerVolume } from '../crops/schema';

/** The section `method` of a config that pre-trains with SimCLR. */
export const simclrSchema = {
  type: 'object',
  title: 'SimCLR: find the overlapping view',
  examples: [{ name: 'simclr', crop: [64, 64, 64], perVolume: 2 }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'simclr',
      default: 'simclr',
      description:
        'Two overlapping crops are augmented apart; among all crops, the network’s embeddings must tell which belong together.',
      examples: ['simclr'],
    },
    crop: cropSize,
    perVolume: { ...cropsPerVolume, default: 2, description: 'Pairs of a volume in a step. nnssl: 2.' },
    overlap: {
      ...probability,
      default: 0.5,
      description: 'Least overlap of the two crops of a pair along each axis, as a share of the crop. nnssl: 0.5.',
      examples: [0.5, 1],
    },
    temperature: {
      ...positive,
      default: 0.5,
      description: 'Temperature of NT-Xent. nnssl: 0.5; CT-FM: 0.1.',
      examples: [0.5, 0.1],
    },
    negatives: {
      type: 'string',
      enum: ['batch', 'volume'],
      default: 'batch',
      description:
        'Which other crops a crop is contrasted with: all of the batch, or those of its own volume alone (CT-FM).',
      examples: ['batch', 'volume'],
    },
    projector: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description:
        'The projector from pooled features to embeddings: three linear layers with batch norm between them.',
      examples: [{ hidden: 2048, out: 2048 }],
      properties: {
        hidden: {
          ...count,
          default: 2048,
          description: 'Width of the two hidden layers. nnssl: 2048.',
          examples: [2048],
        },
        out: { ...count, default: 2048, description: 'Length of an embedding. nnssl: 2048.', examples: [2048, 128] },
      },
    },
    augment: cropAugmentation,
  },
} as const;
