import type { FromSchema } from 'json-schema-to-ts';
import { count, triple } from '../../schema';
import { inChannels } from '../descriptor';

const own = { ...count, type: ['integer', 'null'], default: null } as const;

/** The section `network` of Primus. */
export const primusSchema = {
  type: 'object',
  title: 'Primus',
  additionalProperties: false,
  examples: [{ name: 'primus', size: 'M', crop: [160, 160, 160] }],
  properties: {
    name: {
      type: 'string',
      const: 'primus',
      default: 'primus',
      description: 'Primus, nnU-Net’s transformer: patches of a crop are tokens, and all attend to all.',
      examples: ['primus'],
    },
    size: {
      enum: ['S', 'B', 'M', 'L', null],
      default: 'M',
      description:
        'Published size: S (396 channels, 12 blocks), B (792, 12), M (864, 16) or L (1056, 24). null: embedDim, depth and heads say it.',
      examples: ['M', 'S', null],
    },
    embedDim: {
      ...own,
      maximum: 4096,
      description: 'Channels of a token, where size is null: a multiple of 6 for each head.',
      examples: [null, 192],
    },
    depth: { ...own, maximum: 64, description: 'Transformer blocks, where size is null.', examples: [null, 6] },
    heads: {
      ...own,
      maximum: 64,
      description: 'Attention heads, where size is null.',
      examples: [null, 4],
    },
    patch: {
      ...triple({ type: 'integer', minimum: 1, maximum: 64 }),
      default: [8, 8, 8],
      description: 'Voxels of a token along x, y, z: powers of 2. Published: 8, 8, 8.',
      examples: [[8, 8, 8]],
    },
    crop: {
      ...triple({ type: 'integer', minimum: 2, maximum: 512 }),
      default: [64, 64, 64],
      description:
        'Size of the crops that the network is built for, voxels along x, y, z: it learns a position for each of their patches. Weights of ' +
        'another size start a network, too: their positions are then interpolated.',
      examples: [
        [64, 64, 64],
        [96, 96, 96],
        [160, 160, 160],
      ],
    },
    layerScale: {
      type: ['number', 'null'],
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.1,
      description: 'First value of the factors that end each branch of a block (LayerScale). null: there are none.',
      examples: [0.1, null],
    },
    innerNorm: {
      type: 'boolean',
      default: true,
      description: 'A layer norm between attention and its last dense layer, as in all published weights.',
      examples: [true],
    },
    inChannels,
  },
} as const;

/** The section with every default filled in. */
export type PrimusSection = FromSchema<typeof primusSchema>;
