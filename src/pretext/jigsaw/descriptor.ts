import type { FromSchema } from 'json-schema-to-ts';
import { mapAxes, mapVec3, type Vec3 } from '../../geometry';
import type { PretextDescriptor } from '../../tasks/descriptor';
import { augmentationRules } from '../crops/rules';
import { jigsawPresets } from './presets';
import { jigsawRules } from './rules';
import { jigsawSchema } from './schema';

/** The section `method` of a config that pre-trains with jigsaw puzzles, every default filled in. */
export type JigsawMethod = FromSchema<typeof jigsawSchema>;

/** Size of a cube, voxels: what the gaps leave of the crop, in whole and equal parts. */
export function cubeSize({ crop, cubes, gap }: Pick<JigsawMethod, 'crop' | 'cubes' | 'gap'>): Vec3 {
  return mapAxes((axis) => Math.max(0, Math.floor((crop[axis] - (cubes - 1) * gap) / cubes)));
}

export const jigsawDescriptor = {
  name: 'jigsaw',
  title: jigsawSchema.title,
  schema: jigsawSchema,
  presets: jigsawPresets,
  rules: ({ method }) => [...jigsawRules(method), ...augmentationRules(method.augment)],
  networkInput: (method) => ({
    path: ['method', 'crop'],
    size: cubeSize(method),
    derived: {
      what: 'cubes',
      keyFor: (size) => mapVec3(size, (edge) => method.cubes * edge + (method.cubes - 1) * method.gap),
    },
  }),
  credit: 'by solving jigsaw puzzles of cubes (Rubik’s cube)',
  heads: /^(cube|features|order|turns)\./,
  best: { metric: 'loss', goal: 'min' },
  charts: [
    {
      id: 'jigsaw',
      title: 'Solved puzzles',
      unit: 'share of crops, and of cubes for turns',
      metrics: ['order', 'turned'],
      atLeast: [0, 1],
      plotted: true,
    },
  ],
  titles: {
    order: 'Permutation',
    turned: 'Turns',
    orderLoss: 'Loss of the permutation',
    turnLoss: 'Loss of the turns',
  },
} as const satisfies PretextDescriptor<JigsawMethod>;
