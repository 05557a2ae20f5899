import { mapAxes, voxelCount, type Axis, type Vec3 } from '../geometry';
import { applyAffine, invertAffine, isInvertible, shiftAffine } from './affine';
import { cropOnLattice, isUnitLattice, SAME, turned, type Crop } from './lattice';
import { copyBlock, newArrayLike } from './layout/stridedCopy';
import type { NiftiHeader } from './nifti/header';
import { labelOnGrid } from './transforms/labelOnGrid';
import type { Affine, Volume, VoxelArray } from './types';

/** A voxel grid in space: voxels along each axis, and where they lie. */
export interface Grid {
  readonly size: Vec3;
  readonly affine: Affine;
  /** Its place is known, although its affine looks like one that was never set. */
  readonly placed?: boolean;
}

/** Below this share of a voxel, the voxels of two grids still correspond. */
const NEAR = 0.5;

/** How the voxel axes of one grid become those of another: axis `k` of the other is axis `axis[k]`, reversed where `flip[k]`. */
export interface AxisTurn {
  readonly axis: readonly [Axis, Axis, Axis];
  readonly flip: readonly [boolean, boolean, boolean];
}

export interface GridComparison {
  /**
   * same: voxels lie on each other; near: less than half a voxel apart; cropped: of another size, but on the second grid's lattice
   * (see {@link cropOnLattice}); unplaced: one of the grids has no place of its own (see {@link isUnplaced}) and both have the
   * same size; elsewhere: none of these.
   */
  readonly place: 'same' | 'near' | 'cropped' | 'unplaced' | 'elsewhere';
  /** How to turn the first grid's axes to the second's; undefined when they are the same, or the grids do not correspond. */
  readonly turn?: AxisTurn;
  /** Largest distance between corresponding voxel centres in mm; infinite when the sizes differ. */
  readonly distance: number;
  /** Which grid has no place of its own, when `place` says so. */
  readonly unplaced?: 'first' | 'second';
  /** Where the first grid lies on the second's lattice, when `place` says so. */
  readonly crop?: Crop;
}

/** The grid of a volume. */
export function gridOf(volume: Pick<Volume, 'shape' | 'affine'>): Grid {
  const [, x, y, z] = volume.shape;
  return { size: [x, y, z], affine: volume.affine };
}

/**
 * The grid of a label map beside its image. A segmentation that was cut out of its image's grid may say at which voxel it begins. That
 * counts where its own origin tells nothing: where it is that of the image.
 */
export function labelGrid(
  { size, affine, foreign }: Pick<NiftiHeader, 'size' | 'affine' | 'foreign'>,
  image: Grid,
): Grid {
  const offset = foreign?.extentOffset;
  const copied = affine.every((value, i) => Math.abs(value - image.affine[i]!) <= 1e-5 * (1 + Math.abs(value)));
  const inside = offset?.every((n, axis) => n >= 0 && n + size[axis]! <= image.size[axis]!) ?? false;
  if (!offset || !copied || !inside || size.every((n, axis) => n === image.size[axis])) return { size, affine };
  return { size, affine: shiftAffine(affine, offset), placed: true };
}

const ORDERS: readonly (readonly [Axis, Axis, Axis])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** All 48 ways to order and reverse axes, the one that changes nothing first. */
const TURNS: readonly AxisTurn[] = ORDERS.flatMap((axis) =>
  Array.from({ length: 8 }, (_, bits) => ({ axis, flip: [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0] as const })),
);

/** Largest distance between corresponding voxel centres: in mm, and along the axes of `b` in voxels. */
function distanceUnder(turn: AxisTurn, a: Grid, b: Grid, toVoxels: Affine): { mm: number; voxels: number } {
  let [mm, voxels] = [0, 0];
  // The distance is a convex function of the voxel, so that it is largest at a corner.
  for (let corner = 0; corner < 8; corner++) {
    const at = mapAxes((axis) => ((corner >> axis) & 1 ? b.size[axis] - 1 : 0));
    const [p, q] = [applyAffine(a.affine, turned(turn, a.size, at)), applyAffine(b.affine, at)];
    mm = Math.max(mm, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
    const there = applyAffine(toVoxels, p);
    voxels = Math.max(voxels, ...there.map((index, axis) => Math.abs(index - at[axis]!)));
  }
  return { mm, voxels };
}

/**
 * Whether a grid was saved without a place: its axes run along the world's with spacing 1, or from the origin 0, as NumPy arrays
 * are saved with an identity affine; or centred on 0 with the first axis towards the left, as readers place a header without one.
 */
export function isUnplaced({ size, affine, placed }: Grid): boolean {
  if (placed) return false;
  const at = (row: number, column: number): number => affine[row * 4 + column]!;
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++) if (row !== column && at(row, column) !== 0) return false;
  const origin = [0, 1, 2].every((row) => at(row, 3) === 0);
  // As nibabel places a header without sform and qform: towards left, anterior, superior, with the middle at 0.
  const centred = [0, 1, 2].every((row) => Math.abs(at(row, 3) + ((size[row]! - 1) / 2) * at(row, row)) < 1e-3);
  return origin || (centred && at(0, 0) < 0 && at(1, 1) > 0 && at(2, 2) > 0);
}

/**
 * Compares two voxel grids in world space, by the largest distance between the centres of corresponding voxels. Voxels may
 * correspond in any order and direction of the axes: a label map that was saved in another orientation lies in the same place.
 */
export function compareGrids(a: Grid, b: Grid): GridComparison {
  if (!isInvertible(a.affine) || !isInvertible(b.affine)) return { place: 'elsewhere', distance: Infinity };
  const toVoxels = invertAffine(b.affine);
  const fitting = TURNS.filter(({ axis }) => axis.every((from, k) => a.size[from] === b.size[k]));
  let best: { turn: AxisTurn; mm: number; voxels: number } | undefined;
  for (const turn of fitting) {
    const found = distanceUnder(turn, a, b, toVoxels);
    // Strictly less: of equal ways, such as along an axis of one voxel, the first changes least.
    if (!best || found.voxels < best.voxels - 1e-9) best = { turn, ...found };
    if (turn === TURNS[0] && found.voxels <= SAME) break;
  }
  if (best && best.voxels < NEAR) {
    const place = best.voxels <= SAME ? 'same' : 'near';
    return { place, distance: best.mm, ...(best.turn !== TURNS[0] && { turn: best.turn }) };
  }
  const straight = fitting[0] === TURNS[0];
  const distance = straight ? distanceUnder(TURNS[0]!, a, b, toVoxels).mm : Infinity;
  if (straight && (isUnplaced(a) || isUnplaced(b)))
    return { place: 'unplaced', distance, unplaced: isUnplaced(a) ? 'first' : 'second' };
  const crop = fitting.length === 0 ? placedCrop(a, b) : undefined;
  return crop ? { place: 'cropped', distance, crop } : { place: 'elsewhere', distance };
}

/**
 * The place of a grid of another size on the second's lattice. A grid without a place of its own is not known to be there; and on
 * the lattice of an array that was saved without one, everything of 1 mm is, so that it has to lie inside.
 */
function placedCrop(a: Grid, b: Grid): Crop | undefined {
  if (isUnplaced(a)) return undefined;
  const crop = cropOnLattice(a, b);
  return crop && crop.outside > 0 && isUnplaced(b) && isUnitLattice(b) ? undefined : crop;
}

/**
 * Brings a volume onto the voxels of another grid that it corresponds to: turned where its axes run otherwise, with zeros around
 * it where it covers a part, without what is outside, and with the affine of the grid.
 *
 * @param volume of one channel where it covers a part; one whose grid was judged without an error, by `judgeLabelGrid` or `judgeChannelGrid`
 * @param own where the volume lies, if that is not what its affine says ({@link labelGrid})
 */
export function ontoGrid<T extends VoxelArray>(volume: Volume<T>, grid: Grid, own: Grid = gridOf(volume)): Volume<T> {
  const { turn, crop } = compareGrids(own, grid);
  // Voxel centres meet, so that the nearest voxel is the one itself.
  if (crop) return labelOnGrid({ ...volume, affine: own.affine }, grid.size, Float64Array.from(grid.affine));
  const [channels, nx, ny, nz] = volume.shape;
  const placed = { shape: [channels, ...grid.size], affine: Float64Array.from(grid.affine) } as const;
  if (!turn) return { ...placed, data: volume.data };
  const size: Vec3 = [nx, ny, nz];
  const steps = [ny * nz, nz, 1] as const;
  const strides = turn.axis.map((from, k) => (turn.flip[k] ? -steps[from] : steps[from])) as [number, number, number];
  const start = turn.axis.reduce<number>(
    (sum, from, k) => sum + (turn.flip[k] ? (size[from] - 1) * steps[from] : 0),
    0,
  );
  const data = newArrayLike(volume.data, volume.data.length);
  const voxels = voxelCount(size);
  for (let c = 0; c < channels; c++)
    copyBlock(volume.data, { offset: c * voxels + start, strides }, grid.size, data, c * voxels);
  return { ...placed, data };
}
