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

/** The voxels of a crop with its cubes where they are shown, gaps as they were: for people to look at. */
export function assembled(
  plain: Float32Array,
  size: Vec3,
  cubes: readonly Float32Array[],
  method: Pick<JigsawMethod, 'crop' | 'cubes' | 'gap'>,
): Float32Array {
  const out = plain.slice();
  const channels = plain.length / voxelCount(size);
  const box = cubeSize(method);
  const line = box[2] * channels;
  cubes.forEach((cube, place) => {
    const start = cubeStart(place, method);
    for (let i = 0; i < box[0]; i++)
      for (let j = 0; j < box[1]; j++) {
        const to = (((start[0] + i) * size[1] + start[1] + j) * size[2] + start[2]) * channels;
        out.set(cube.subarray((i * box[1] + j) * line, (i * box[1] + j + 1) * line), to);
      }
  });
  return out;
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
