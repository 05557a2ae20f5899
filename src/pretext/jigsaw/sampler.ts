import { mapAxes, voxelCount, type Vec3 } from '../../geometry';
import { cleanCrop, taskStream, type MakeSample } from '../crops/sample';
import { cropSampler } from '../crops/sampler';
import { turned, type Turn } from '../crops/turns';
import { cubeSize, type JigsawMethod } from './descriptor';
import { permutationTable } from './permutations';

/** How a cube may be turned: not, or by 180° about x or z, each equally likely. */
export const CUBE_TURNS: readonly Turn[] = [
  { axis: 0, quarters: 0 },
  { axis: 0, quarters: 2 },
  { axis: 2, quarters: 2 },
];

/** A box of a crop `[…size, C]`. */
function part(voxels: Float32Array, size: Vec3, start: Vec3, box: Vec3): Float32Array {
  const channels = voxels.length / voxelCount(size);
  const out = new Float32Array(voxelCount(box) * channels);
  const line = box[2] * channels;
  for (let i = 0; i < box[0]; i++)
    for (let j = 0; j < box[1]; j++) {
      const from = (((start[0] + i) * size[1] + start[1] + j) * size[2] + start[2]) * channels;
      out.set(voxels.subarray(from, from + line), (i * box[1] + j) * line);
    }
  return out;
}

/** Cubes side by side as a crop `[…crop, C]`, for people to look at, and where the gaps between them are: `[…crop]`, 1 in a gap. */
export function assembled(
  cubes: readonly Float32Array[],
  method: Pick<JigsawMethod, 'crop' | 'cubes' | 'gap'>,
): { voxels: Float32Array; gaps: Uint8Array } {
  const size = method.crop;
  const box = cubeSize(method);
  const channels = cubes[0]!.length / voxelCount(box);
  const voxels = new Float32Array(voxelCount(size) * channels);
  const gaps = new Uint8Array(voxelCount(size)).fill(1);
  const line = box[2] * channels;
  cubes.forEach((cube, place) => {
    const start = cubeStart(place, method);
    for (let i = 0; i < box[0]; i++)
      for (let j = 0; j < box[1]; j++) {
        const to = ((start[0] + i) * size[1] + start[1] + j) * size[2] + start[2];
        voxels.set(cube.subarray((i * box[1] + j) * line, (i * box[1] + j + 1) * line), to * channels);
        gaps.fill(0, to, to + box[2]);
      }
  });
  return { voxels, gaps };
}

/** What is told of the cubes of a crop: the number of their order, and each place's turn. */
export interface Solution {
  readonly order: number;
  readonly turns: readonly number[];
}

/** Cubes put back as somebody says that they were shuffled and turned: the crop again, if that is right. */
export function solved(
  cubes: readonly Float32Array[],
  { order, turns }: Solution,
  method: Pick<JigsawMethod, 'crop' | 'cubes' | 'gap' | 'permutations'>,
): Float32Array[] {
  const box = cubeSize(method);
  const back: Float32Array[] = [];
  // Half a turn takes back half a turn.
  permutationTable(cubes.length, method.permutations)[order]!.forEach((cube, place) => {
    back[cube] = turned(cubes[place]!, box, CUBE_TURNS[turns[place]!]!);
  });
  return back;
}

/** First voxel of a cube of the crop, x slowest. */
function cubeStart(place: number, method: Pick<JigsawMethod, 'crop' | 'cubes' | 'gap'>): Vec3 {
  const { cubes, gap } = method;
  const box = cubeSize(method);
  const at: Vec3 = [Math.floor(place / cubes ** 2), Math.floor(place / cubes) % cubes, place % cubes];
  return mapAxes((axis) => at[axis] * (box[axis] + gap));
}

/**
 * Cuts a crop into cubes, shuffles and turns them: place i shows cube `order[i]`. The rows of a crop are its places; each has the
 * number of the permutation and that of its own turn as labels.
 */
export const shuffledSample: MakeSample<JigsawMethod> = (draw, method) => {
  const { box, voxels, plain, words, size } = cleanCrop(draw, method);
  const random = taskStream(draw);
  const count = method.cubes ** 3;
  const table = permutationTable(count, method.permutations);
  const number = random.integer(0, table.length);
  const edge = cubeSize(method);
  const rows = Array.from(table[number]!, (cube) => {
    const turn = random.integer(0, CUBE_TURNS.length);
    const label = method.turns ? turn : 0;
    const input = turned(part(voxels, size, cubeStart(cube, method), edge), edge, CUBE_TURNS[label]!);
    return { input, labels: [number, label] };
  });
  const turns = rows.filter(({ labels }) => labels[1]! > 0).length;
  const done = [
    `permutation ${number + 1} of ${table.length}`,
    ...(method.turns ? [`${turns} of ${count} cubes turned`] : []),
  ];
  return { box, plain, rows, rowSize: edge, words: [...words, ...done] };
};

export const jigsawSampler = cropSampler(shuffledSample);
