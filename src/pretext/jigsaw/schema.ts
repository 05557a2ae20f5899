import { cropSize, cropsPerVolume, uprightAugmentation } from '../crops/schema';

/** The section `method` of a config that pre-trains with jigsaw puzzles. */
export const jigsawSchema = {
  type: 'object',
  title: 'Jigsaw: tell how cubes were shuffled and turned',
  examples: [{ name: 'jigsaw', cubes: 2, permutations: 100 }],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      const: 'jigsaw',
      default: 'jigsaw',
      description:
        'A crop is cut into cubes, which are shuffled and turned. The network sees each cube alone and tells the permutation and the ' +
        'turns (Rubik’s cube).',
      examples: ['jigsaw'],
    },
    crop: { ...cropSize, description: 'Size of what is cut into cubes, voxels: cubes and the gaps between them.' },
    perVolume: cropsPerVolume,
    cubes: {
      type: 'integer',
      enum: [2, 3],
      default: 2,
      description: 'Cubes along each axis: 2 as in Rubik’s cube, 3 as in the plain jigsaw puzzle.',
      examples: [2, 3],
    },
    gap: {
      type: 'integer',
      minimum: 0,
      maximum: 64,
      default: 0,
      description: 'Voxels between two cubes, so that edges do not give the answer away.',
      examples: [0, 6],
    },
    permutations: {
      type: 'integer',
      minimum: 2,
      maximum: 255,
      default: 100,
      description: 'Permutations that are told apart. Rubik’s cube: 100.',
      examples: [100],
    },
    turns: {
      type: 'boolean',
      default: true,
      description: 'Turn cubes by 180°, a third of them about x and a third about z, which the network tells as well.',
      examples: [true, false],
    },
    augment: uprightAugmentation,
  },
} as const;
