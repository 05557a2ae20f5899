import type { FromSchema } from 'json-schema-to-ts';
import { count, error, triple } from '../../../../src/schema';
import type { PretextDescriptor } from '../../../../src/tasks/descriptor';

const schema = {
  type: 'object',
  title: 'Brightness: tell by how much a patch was brightened',
  additionalProperties: false,
  properties: {
    name: { type: 'string', const: 'brightness', default: 'brightness', description: 'A task of the tests.' },
    patch: {
      ...triple({ type: 'integer', minimum: 16, maximum: 64 }),
      default: [16, 16, 32],
      description: 'Size of a patch, voxels.',
      examples: [[16, 16, 32]],
    },
    perVolume: { ...count, maximum: 8, default: 2, description: 'Patches of a volume in a step.', examples: [2] },
    strongest: { type: 'number', minimum: 0, default: 1, description: 'Largest shift of intensity.', examples: [1] },
  },
} as const;

export type BrightnessMethod = FromSchema<typeof schema>;

/** The light half of a pretext task of the tests. */
export const brightness = {
  name: 'brightness',
  title: schema.title,
  schema,
  presets: {},
  rules: ({ method }) =>
    method.strongest === 0 ? [error(['method', 'strongest'], 'a shift of 0 leaves nothing to tell', 1)] : [],
  networkInput: ({ patch }) => ({ path: ['method', 'patch'], size: patch }),
  credit: 'by telling how much a patch was brightened',
  heads: /^head\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [{ id: 'guess', title: 'Guess of the shift', metrics: ['guess'], plotted: true }],
  titles: {},
} as const satisfies PretextDescriptor<BrightnessMethod>;
