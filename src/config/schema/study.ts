/** Limits keep a slip of the keyboard from planning years of training. */
const MOST_AMOUNTS = 32;
const MOST_SEEDS = 100;

export const studySchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What voco study compares: fine-tuning from init.checkpoint and from scratch, on few and on many cases.',
  examples: [{ cases: [1, 2, 4], seeds: [0, 1, 2] }],
  properties: {
    cases: {
      type: ['array', 'null'],
      minItems: 1,
      maxItems: MOST_AMOUNTS,
      items: { type: 'integer', minimum: 1 },
      default: null,
      description:
        'Numbers of training volumes to learn from. null (and no fractions): 1, 2, 4, … up to all there are.',
      examples: [null, [1, 2, 4]],
    },
    fractions: {
      type: ['array', 'null'],
      minItems: 1,
      maxItems: MOST_AMOUNTS,
      items: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      default: null,
      description: 'Shares of the training volumes to learn from, instead of numbers.',
      examples: [null, [0.1, 0.5, 1]],
    },
    seeds: {
      type: 'array',
      minItems: 1,
      maxItems: MOST_SEEDS,
      items: { type: 'integer', minimum: 0, maximum: 4294967295 },
      default: [0, 1, 2],
      description:
        'Seeds to repeat each comparison with. Both sides of a seed learn from the same cases and see the same crops.',
      examples: [[0, 1, 2]],
    },
  },
} as const;
