import { placesProblem } from '../../data/judge';
import { AXES, mapAxes, overlapAlong, voxelCount, type Box, type Vec3 } from '../../geometry';
import { UsageError } from '../../errors/userError';
import type { Anatomy } from '../../data/regionMasks';
import type { RandomStream } from '../../random/random';
import { spacingOf, type Volume } from '../../volume';

/** The base crops of a volume: `counts` boxes of `crop` voxels, edge to edge, the first at `origin`. */
export interface CropGrid {
  readonly counts: Vec3;
  readonly crop: Vec3;
  readonly volume: Vec3;
  readonly origin: Vec3;
  /** Number of base crops, nx·ny·nz. */
  readonly size: number;
  /** Random crops stay inside the volume though the grid juts out of it. */
  readonly cropsInside?: boolean;
}

/**
 * Lays the grid of base crops on a volume. Where the grid is smaller than the volume it is centred; the released code
 * always tiles the whole volume, and then the origin is 0.
 *
 * @param counts base crops along x, y, z
 * @param crop size of one base crop, voxels
 * @param volume size of the preprocessed volume, voxels
 * @throws UsageError when the grid does not fit the volume, or a number is not a whole number ≥ 1
 */
export function createCropGrid(counts: Vec3, crop: Vec3, volume: Vec3): CropGrid {
  for (const [name, numbers] of Object.entries({ grid: counts, crop, volume })) {
    if (numbers.length !== 3 || numbers.some((n) => !Number.isInteger(n) || n < 1))
      throw new UsageError(`${name} [${numbers.join(', ')}]: expected three whole numbers of at least 1`);
  }
  for (const axis of [0, 1, 2] as const) {
    const needed = counts[axis] * crop[axis];
    if (needed > volume[axis])
      throw new UsageError(
        `crop grid: ${counts[axis]} crops of ${crop[axis]} voxels need ${needed} voxels along ${AXES[axis]}, but the ` +
          `preprocessed volume has ${volume[axis]}; use fewer or smaller crops, or resize the volume to a larger size`,
      );
  }
  return gridAt(counts, crop, volume, middleOf(counts, crop, volume));
}

/** Where a grid begins that lies in the middle of a volume. */
export function middleOf(counts: Vec3, crop: Vec3, volume: Vec3): Vec3 {
  return mapAxes((axis) => Math.floor((volume[axis] - counts[axis] * crop[axis]) / 2));
}

/** A grid whose first base crop begins at `origin`; it may jut out of the volume. */
export function gridAt(counts: Vec3, crop: Vec3, volume: Vec3, origin: Vec3): CropGrid {
  return { counts, crop, volume, origin, size: voxelCount(counts) };
}

/** How a config lays its grid (`method`). */
export interface GridSettings {
  readonly grid: Vec3;
  /** Size of a base crop, voxels. */
  readonly crop: Vec3;
  /** Size of a base crop in millimetres, which counts instead of `crop`; null: `crop` counts. */
  readonly cropMm?: Vec3 | null | undefined;
}

type Placed = Pick<Volume, 'shape' | 'affine'>;

/** Voxels of a base crop in a preprocessed volume. */
export function cropVoxels({ affine }: Placed, { crop, cropMm }: Omit<GridSettings, 'grid'>): Vec3 {
  if (!cropMm) return crop;
  const spacing = spacingOf(affine);
  return mapAxes((axis) => Math.max(1, Math.round(cropMm[axis] / spacing[axis])));
}

/**
 * The grid of a config in the middle of a preprocessed volume `[C, X, Y, Z]`.
 *
 * With sizes in millimetres, places mean the same distances from the middle of a volume whatever its voxels and field of view are. Then the
 * grid may jut out of a small volume, whose random crops lie inside of it all the same.
 *
 * @throws UsageError when the grid does not fit the volume, or all of the volume lies in one place
 */
export function gridOnVolume(volume: Placed, { grid, crop, cropMm }: GridSettings): CropGrid {
  const [, ...size] = volume.shape;
  if (!cropMm) return createCropGrid(grid, crop, size);
  const problem = placesProblem(size, spacingOf(volume.affine), { grid, cropMm });
  if (problem !== undefined) throw new UsageError(problem);
  const voxels = cropVoxels(volume, { crop, cropMm });
  return { ...gridAt(grid, voxels, size, middleOf(grid, voxels, size)), cropsInside: true };
}

/** Boxes of all base crops in grid order: x slowest, z fastest (`(i·ny + j)·nz + k`). */
export function baseBoxes(grid: CropGrid): Box[] {
  const boxes: Box[] = [];
  for (let i = 0; i < grid.counts[0]; i++)
    for (let j = 0; j < grid.counts[1]; j++)
      for (let k = 0; k < grid.counts[2]; k++) {
        const index = [i, j, k] as const;
        boxes.push({ start: mapAxes((axis) => grid.origin[axis] + index[axis] * grid.crop[axis]), size: grid.crop });
      }
  return boxes;
}

/**
 * Range of crop centres along each axis, high end exclusive, as the released sampler's `randint(crop // 2, extent − crop // 2)`:
 * the crop stays inside the grid. An axis with one base crop has one centre.
 */
export function centreRange(grid: CropGrid): { low: Vec3; high: Vec3 } {
  const half = mapAxes((axis) => Math.floor(grid.crop[axis] / 2));
  const ends = mapAxes((axis) => grid.origin[axis] + grid.counts[axis] * grid.crop[axis]);
  if (grid.cropsInside) return rangeInside(grid, half, ends);
  const low = mapAxes((axis) => grid.origin[axis] + half[axis]);
  return { low, high: mapAxes((axis) => Math.max(low[axis] + 1, ends[axis] - half[axis])) };
}

/** {@link centreRange} of crops that are inside the volume as well; one that is longer than the volume has it in its middle. */
function rangeInside({ volume, crop, origin }: CropGrid, half: Vec3, ends: Vec3): { low: Vec3; high: Vec3 } {
  const low = mapAxes((axis) => {
    const spare = volume[axis] - crop[axis];
    return half[axis] + (spare < 0 ? Math.floor(spare / 2) : Math.max(0, origin[axis]));
  });
  return { low, high: mapAxes((axis) => Math.max(low[axis] + 1, Math.min(volume[axis], ends[axis]) - half[axis])) };
}

/**
 * Draws the centre of a random crop, voxels: x, then y, then z, uniform over {@link centreRange}. With an anatomy it is one of its
 * voxels, or as near to it as a crop inside the grid can be.
 */
export function drawCentre(grid: CropGrid, random: RandomStream, anatomy?: Pick<Anatomy, 'at'>): Vec3 {
  const { low, high } = centreRange(grid);
  if (anatomy) {
    const voxel = anatomy.at(random.uniform());
    return mapAxes((axis) => Math.max(low[axis], Math.min(high[axis] - 1, voxel[axis])));
  }
  const x = random.integer(low[0], high[0]);
  const y = random.integer(low[1], high[1]);
  const z = random.integer(low[2], high[2]);
  return [x, y, z];
}

/**
 * Position label of a crop: for each base crop, in grid order, the share of the crop's volume that lies in it. Sums to 1
 * for a crop inside the grid. (VoCo `get_position_label`, for any grid and in three dimensions. For odd crop sizes the
 * released code drops one voxel a side, so that its labels sum to less than 1; here they are exact.)
 *
 * @returns `[grid.size]`, float64
 */
export function positionLabel(box: Box, grid: CropGrid): Float64Array {
  const label = new Float64Array(grid.size);
  const total = voxelCount(box.size);
  const shares = ([0, 1, 2] as const).map((axis) =>
    Array.from({ length: grid.counts[axis] }, (_, i) => {
      const base = { start: mapAxes((k) => grid.origin[k] + i * grid.crop[k]), size: grid.crop };
      return overlapAlong(axis, box, base);
    }),
  );
  let at = 0;
  for (const x of shares[0]!) for (const y of shares[1]!) for (const z of shares[2]!) label[at++] = (x * y * z) / total;
  return label;
}
