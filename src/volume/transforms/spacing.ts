import { voxelCount, type Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { applyAffine, composeAffine, invertAffine, isInvertible } from '../affine';
import { axisMap, roundHalfEven, sampleAffine, sampleLinear, samplePicked, type Mode } from '../layout/sampling';
import { viewOf } from '../layout/voxelView';
import type { Affine, Volume, VoxelArray } from '../types';
import { formatSize } from '../../text';

/** MONAI's tolerance for two affines to count as the same grid. */
const AFFINE_TOLERANCE = 1e-3;
/** Volumes beyond this are a wrong spacing, not a scan. */
const MAX_VOXELS = 2 ** 31;

/** The affine with the same axis directions (Gram–Schmidt of the columns) and the given spacing; origin 0. */
function withSpacing(affine: Affine, spacing: Vec3): Affine {
  const out = new Float64Array(16);
  out[15] = 1;
  const axes: number[][] = [];
  for (let column = 0; column < 3; column++) {
    let v = [affine[column]!, affine[4 + column]!, affine[8 + column]!];
    for (const u of axes) {
      const dot = v[0]! * u[0]! + v[1]! * u[1]! + v[2]! * u[2]!;
      v = v.map((value, k) => value - dot * u[k]!);
    }
    const length = Math.hypot(v[0]!, v[1]!, v[2]!);
    axes.push(v.map((value) => value / length));
    for (let row = 0; row < 3; row++) out[row * 4 + column] = axes[column]![row]! * spacing[column]!;
  }
  return out;
}

/**
 * The grid that MONAI's `Spacing` resamples to (`compute_shape_offset` with `scale_extent=False`): size is
 * round(extent / spacing + 1), the origin is the corner voxel that is smallest on all new axes, or, when a sheared grid has
 * none, such that both grids share their centre.
 */
export function spacingGrid(
  shape: Volume['shape'],
  affine: Affine,
  spacing: Vec3,
): { size: [number, number, number]; affine: Affine } {
  if (!isInvertible(affine)) throw new UserError('the affine matrix is singular: the spacing cannot be changed');
  if (!spacing.every((value) => Number.isFinite(value) && value > 0)) {
    throw new UserError(`spacing ${JSON.stringify(spacing)} is not valid: give three positive numbers of millimetres`);
  }
  const target = withSpacing(affine, spacing);
  const relative = composeAffine(invertAffine(target), affine);
  const corners = Array.from({ length: 8 }, (_, i): [number, number, number] => [
    i & 4 ? shape[1] - 1 : 0,
    i & 2 ? shape[2] - 1 : 0,
    i & 1 ? shape[3] - 1 : 0,
  ]);
  const placed = corners.map((corner) => applyAffine(relative, corner));
  const low = [0, 1, 2].map((k) => Math.min(...placed.map((p) => p[k]!)));
  const high = [0, 1, 2].map((k) => Math.max(...placed.map((p) => p[k]!)));
  const size = low.map((value, k) => roundHalfEven(high[k]! - value + 1)) as [number, number, number];
  if (!(voxelCount(size) <= MAX_VOXELS)) {
    throw new UserError(
      `spacing ${formatSize(spacing)} mm would make a volume of ${formatSize(size)} voxels: check the spacing`,
    );
  }
  const first = placed.findIndex((p) => p.every((value, k) => Math.abs(low[k]! - value) <= 1e-8));
  const origin =
    first >= 0
      ? applyAffine(affine, corners[first]!)
      : centredOrigin(affine, [shape[1], shape[2], shape[3]], target, size);
  for (let row = 0; row < 3; row++) target[row * 4 + 3] = origin[row]!;
  return { size, affine: target };
}

function centredOrigin(from: Affine, fromSize: Vec3, to: Affine, toSize: Vec3): [number, number, number] {
  const half = (size: Vec3): Vec3 => [size[0] / 2, size[1] / 2, size[2] / 2];
  const [a, b] = [applyAffine(from, half(fromSize)), applyAffine(to, half(toSize))];
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

/**
 * Resamples to a spacing in millimetres, keeping the axis directions: MONAI 1.3.2 `Spacing(pixdim, padding_mode="border")` with
 * `diagonal=False`. Linear gives float32; nearest (labels; half-way voxels go to the even neighbour) keeps the type.
 *
 * @returns the same volume when it has that grid already.
 * @throws UserError for a singular affine, a spacing that is not positive, or an absurd size.
 */
export function resampleToSpacing<T extends VoxelArray>(
  volume: Volume<T>,
  spacing: Vec3,
  mode: Mode,
): Volume<T | Float32Array> {
  const { size, affine } = spacingGrid(volume.shape, volume.affine, spacing);
  const [channels, nx, ny, nz] = volume.shape;
  const same = affine.every((value, i) => Math.abs(value - volume.affine[i]!) <= AFFINE_TOLERANCE);
  if (same && size[0] === nx && size[1] === ny && size[2] === nz) return volume;
  checkMemory(
    channels * voxelCount(size) * 4,
    `spacing ${formatSize(spacing)} mm`,
    `the volume of ${formatSize(size)} voxels that it makes would`,
  );
  const matrix = composeAffine(invertAffine(volume.affine), affine);
  return {
    data: sampleGrid(volume, matrix, size, mode),
    shape: [channels, ...size],
    affine,
  };
}

function sampleGrid<T extends VoxelArray>(
  volume: Volume<T>,
  matrix: Affine,
  size: [number, number, number],
  mode: Mode,
): T | Float32Array {
  let skew = 0;
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      if (row !== column) skew += Math.abs(matrix[row * 4 + column]!) * size[column]!;
    }
  }
  if (skew > 1e-8) return sampleAffine(volume.data, volume.shape, matrix, size, mode);
  const coordinates = size.map((count, axis) =>
    Float64Array.from({ length: count }, (_, i) => {
      const at = matrix[axis * 5]! * i + matrix[axis * 4 + 3]!;
      // Grids that share their origin meet at whole voxels: rounding noise must not turn those into a blend of two.
      const whole = Math.round(at);
      return Math.abs(at - whole) < 1e-9 ? whole : at;
    }),
  );
  const maps = coordinates.map((c, axis) => axisMap(volume.shape[axis + 1]!, c));
  if (mode === 'linear') return sampleLinear(viewOf(volume), [maps[0]!, maps[1]!, maps[2]!]);
  const picks = maps.map(({ low, weight }) => low.map((value, i) => roundHalfEven(value + weight[i]!)));
  return samplePicked(volume.data, volume.shape, [picks[0]!, picks[1]!, picks[2]!]);
}
