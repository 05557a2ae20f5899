import { mapAxes, type Axis, type Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import type { Volume } from '../../volume';

/** Rows of a 3×3 matrix. */
export type Matrix3 = readonly [Vec3, Vec3, Vec3];

/** Flips, turns by any angle and zooms of a crop, as in the config (`method.augment`). */
export interface SpatialSettings {
  /** Probability of a flip, for each axis on its own. */
  readonly flip: number;
  readonly rotate: { readonly prob: number; readonly degrees: number };
  readonly zoom: { readonly prob: number; readonly range: readonly [number, number] };
}

/** What happens to one crop: it shows, at an offset `o` from its centre, the volume at `matrix · o` from the same place. */
export interface SpatialAugmentation {
  readonly matrix: Matrix3;
  /** In words, for people: "flipped along x", "turned by 12°, −3° and 20°". */
  readonly words: readonly string[];
}

const IDENTITY: Matrix3 = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

export const NO_SPATIAL_AUGMENTATION: SpatialAugmentation = { matrix: IDENTITY, words: [] };

/** A matrix from its elements. */
function matrix3(element: (row: Axis, column: Axis) => number): Matrix3 {
  const row = (i: Axis): Vec3 => mapAxes((j) => element(i, j));
  return [row(0), row(1), row(2)];
}

function multiply3(a: Matrix3, b: Matrix3): Matrix3 {
  return matrix3((i, j) => a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j]);
}

/** A matrix whose results are stretched along the axes of the volume. */
export function scaleRows(matrix: Matrix3, by: Vec3): Matrix3 {
  return matrix3((i, j) => matrix[i][j] * by[i]);
}

/** A turn about one axis, radians. */
function turnAbout(axis: Axis, angle: number): Matrix3 {
  const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return matrix3((i, j) => {
    if (i === axis || j === axis) return i === j ? 1 : 0;
    if (i === j) return c;
    return i === p && j === q ? -s : s;
  });
}

/**
 * Draws the augmentation of one crop. The same numbers are drawn whatever the settings, so that switching one augmentation leaves
 * the others as they were.
 */
export function drawSpatial(random: RandomStream, settings: SpatialSettings): SpatialAugmentation {
  const flips = [0, 1, 2].map(() => random.uniform() < settings.flip);
  const turned = random.uniform() < settings.rotate.prob;
  const angles = mapAxes(() => random.range(-1, 1) * settings.rotate.degrees);
  const zoomed = random.uniform() < settings.zoom.prob;
  const [low, high] = settings.zoom.range;
  const smaller = random.uniform() < 0.5;
  const place = random.uniform();
  const [from, to] = low < 1 && high > 1 ? (smaller ? [low, 1] : [1, high]) : [low, high];
  const factor = zoomed ? from + (to - from) * place : 1;
  let matrix = IDENTITY;
  if (turned) {
    const radians = angles.map((angle) => (angle * Math.PI) / 180);
    ([0, 1, 2] as const).forEach((axis) => (matrix = multiply3(matrix, turnAbout(axis, radians[axis]!))));
  }
  const scaled = matrix3((i, j) => matrix[i][j] * factor * (flips[j] ? -1 : 1));
  return {
    matrix: scaled,
    words: [
      ...flips.flatMap((on, axis) => (on ? [`flipped along ${'xyz'[axis]}`] : [])),
      ...(turned ? [`turned by ${angles.map((angle) => `${angle.toFixed(0)}°`).join(', ')} about x, y, z`] : []),
      ...(factor !== 1 ? [`zoomed by ${factor.toFixed(2)}`] : []),
    ],
  };
}

/** For each axis of the crop, the volume's axis that it runs along and its sign; undefined for a matrix that needs interpolation. */
function signedAxes(matrix: Matrix3): { axis: number; sign: number }[] | undefined {
  const columns = [0, 1, 2].map((j) => {
    const column = [0, 1, 2].map((i) => matrix[i as 0][j as 0]);
    const axis = column.findIndex((value) => Math.abs(value) === 1);
    return column.every((value, i) => (i === axis ? true : value === 0)) ? { axis, sign: column[axis]! } : undefined;
  });
  return columns.every((column) => column !== undefined) ? (columns as { axis: number; sign: number }[]) : undefined;
}

/**
 * Cuts a crop whose axes are turned, flipped or zoomed against the volume's. Outside the volume there are zeros. A matrix of
 * flips and axis swaps copies voxels; any other interpolates between eight of them.
 *
 * @param volume `[C, X, Y, Z]`
 * @param start first voxel of the box; it may lie outside the volume
 * @param size of the box, and of the result
 * @param out receives `[…size, C]`, channels last, from `offset` on
 */
export function cutCrop(volume: Volume, start: Vec3, size: Vec3, matrix: Matrix3, out: Float32Array, offset = 0): void {
  const centre = mapAxes((axis) => start[axis] + (size[axis] - 1) / 2);
  const axes = signedAxes(matrix);
  if (axes) copyCrop(volume, centre, size, axes, out, offset);
  else blendCrop(volume, centre, size, matrix, out, offset);
}

function copyCrop(
  { data, shape }: Volume,
  centre: Vec3,
  size: Vec3,
  axes: readonly { axis: number; sign: number }[],
  out: Float32Array,
  offset: number,
): void {
  const [channels, , ny, nz] = shape;
  const strides = [ny * nz, nz, 1];
  // Where each step along an axis of the crop lies in the volume; −1 outside of it. Odd sizes on an even axis are rounded down.
  const places = axes.map(({ axis, sign }, j) =>
    Int32Array.from({ length: size[j as 0] }, (_, k) => {
      const at = Math.floor(centre[axis as 0] + sign * (k - (size[j as 0] - 1) / 2));
      return at < 0 || at >= shape[axis + 1]! ? -1 : at * strides[axis]!;
    }),
  );
  const space = shape[1] * ny * nz;
  let to = offset;
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++) {
      const [a, b] = [places[0]![i]!, places[1]![j]!];
      for (let k = 0; k < size[2]; k++) {
        const c = places[2]![k]!;
        const inside = a >= 0 && b >= 0 && c >= 0;
        for (let channel = 0; channel < channels; channel++)
          out[to++] = inside ? data[channel * space + a + b + c]! : 0;
      }
    }
}

function blendCrop(volume: Volume, centre: Vec3, size: Vec3, m: Matrix3, out: Float32Array, offset: number): void {
  const [channels] = volume.shape;
  const middle = mapAxes((axis) => (size[axis] - 1) / 2);
  let to = offset;
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++)
      for (let k = 0; k < size[2]; k++) {
        const [a, b, c] = [i - middle[0], j - middle[1], k - middle[2]];
        const x = centre[0] + m[0][0] * a + m[0][1] * b + m[0][2] * c;
        const y = centre[1] + m[1][0] * a + m[1][1] * b + m[1][2] * c;
        const z = centre[2] + m[2][0] * a + m[2][1] * b + m[2][2] * c;
        for (let channel = 0; channel < channels; channel++) out[to++] = blend(volume, channel, x, y, z);
      }
}

/** The value between eight voxels; those outside the volume are zero. */
function blend({ data, shape }: Volume, channel: number, x: number, y: number, z: number): number {
  const [, nx, ny, nz] = shape;
  if (x <= -1 || y <= -1 || z <= -1 || x >= nx || y >= ny || z >= nz) return 0;
  const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [u, v, w] = [x - i, y - j, z - k];
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [p, q, r] = [i + (corner & 1), j + ((corner >> 1) & 1), k + (corner >> 2)];
    if (p < 0 || q < 0 || r < 0 || p >= nx || q >= ny || r >= nz) continue;
    const weight = (corner & 1 ? u : 1 - u) * (corner & 2 ? v : 1 - v) * (corner & 4 ? w : 1 - w);
    if (weight > 0) sum += weight * data[((channel * nx + p) * ny + q) * nz + r]!;
  }
  return sum;
}
