import { mapAxes, type Axis, type Vec3 } from '../geometry';
import { applyAffine, composeAffine, invertAffine, spacingOf } from './affine';
import type { AxisTurn, Grid } from './grids';

/** Up to this share of a voxel, two voxel centres are the same. */
export const SAME = 0.01;

/** Where a grid lies on the lattice of another one: all of its voxels are voxels of the other, if that went on beyond its borders. */
export interface Crop {
  /** How its axes become those of the other. */
  readonly turn: AxisTurn;
  /** The voxel of the other at which it begins, along the other's axes; negative where it begins before. */
  readonly offset: Vec3;
  /** Its voxels that are outside of the other. */
  readonly outside: number;
}

/** The voxel of the grid of this size that a turn brings to voxel `at`. */
export function turned({ axis, flip }: AxisTurn, size: Vec3, at: Vec3): Vec3 {
  const source = [0, 0, 0];
  axis.forEach((from, k) => (source[from] = flip[k] ? size[from] - 1 - at[k]! : at[k]!));
  return [source[0]!, source[1]!, source[2]!];
}

/** The order and direction of axes that a matrix of voxels to voxels comes closest to; undefined when two want the same one. */
function nearestTurn(m: Float64Array): AxisTurn | undefined {
  const rows = [0, 4, 8].map((at) => [...m.subarray(at, at + 3)]);
  const axis = rows.map((row) => {
    const sizes = row.map(Math.abs);
    return sizes.indexOf(Math.max(...sizes)) as Axis;
  }) as [Axis, Axis, Axis];
  if (new Set(axis).size < 3) return undefined;
  return { axis, flip: axis.map((from, row) => rows[row]![from]! < 0) as unknown as AxisTurn['flip'] };
}

/**
 * Where a grid lies on the lattice of another, as a label map that was cut to what is labelled: same spacing and directions (in any
 * order of the axes), and an offset of whole voxels, all to a hundredth of a voxel.
 *
 * @param part, whole grids with affines that can be inverted
 * @returns undefined when they do not share a lattice, or have no voxel in common
 */
export function cropOnLattice(part: Grid, whole: Grid): Crop | undefined {
  const toWhole = composeAffine(invertAffine(whole.affine), part.affine);
  const turn = nearestTurn(toWhole);
  if (!turn) return undefined;
  const size = mapAxes((k) => part.size[turn.axis[k]]);
  const first = applyAffine(toWhole, turned(turn, part.size, [0, 0, 0]));
  const offset = mapAxes((k) => Math.round(first[k]!) + 0);
  for (let corner = 0; corner < 8; corner++) {
    const at = mapAxes((k) => ((corner >> k) & 1 ? size[k] - 1 : 0));
    const there = applyAffine(toWhole, turned(turn, part.size, at));
    if (there.some((index, k) => !(Math.abs(index - offset[k]! - at[k]!) <= SAME))) return undefined;
  }
  const shared = mapAxes((k) => Math.min(offset[k] + size[k], whole.size[k]) - Math.max(offset[k], 0));
  if (shared.some((n) => n <= 0)) return undefined;
  return { turn, offset, outside: size[0] * size[1] * size[2] - shared[0] * shared[1] * shared[2] };
}

/** Whether voxels of 1 mm at whole millimetres would share a lattice with a grid, wherever they come from. */
export const isUnitLattice = ({ affine }: Grid): boolean =>
  spacingOf(affine).every((step) => Math.abs(step - 1) < 1e-6);
