import type { FromSchema } from 'json-schema-to-ts';
import type { Vec3 } from '../../../../src/geometry';
import { inChannels, strideProblem, type NetworkDescriptor } from '../../../../src/nets/descriptor';
import { error } from '../../../../src/schema';

const schema = {
  type: 'object',
  title: 'Toy',
  additionalProperties: false,
  examples: [{ name: 'toy', width: 4 }],
  properties: {
    name: { type: 'string', const: 'toy', default: 'toy', description: 'A toy of two scales.', examples: ['toy'] },
    width: {
      type: 'integer',
      minimum: 2,
      default: 4,
      description: 'Channels of the finer scale, an even number.',
      examples: [4],
    },
    inChannels,
  },
} as const;

export type ToySection = FromSchema<typeof schema>;

const STRIDE: Vec3 = [4, 4, 4];

/** The light half of a network that only tests have. */
export const toyDescriptor = {
  name: 'toy',
  title: schema.title,
  schema,
  summary: ({ width }) => `width ${width}`,
  sizes: { demo: { width: 4 }, small: { width: 8 }, full: { width: 16 } },
  sizeKey: 'width',
  stride: () => STRIDE,
  sizeProblem: ({ name }, size) => strideProblem(name, STRIDE, size),
  rules: ({ width }) => (width % 2 === 0 ? [] : [error(['width'], `must be even, is ${width}`, width + 1)]),
  masking: [],
  reach: () => 'sample',
  stateDict: {
    namesOf: 'the toy',
    encoder: /^(stem|deep)\./,
    output: /^out\./,
    renamings: [{ where: /^toy_stem\./, pattern: /^toy_(stem|deep)\./, by: '$1.', text: 'prefix "toy_" removed' }],
  },
} as const satisfies NetworkDescriptor<ToySection>;
