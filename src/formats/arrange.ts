import { newVoxels } from './numbers';
import type { VoxelType, Voxels } from './types';

/** Sizes of all axes of a file, the first fastest, and which of them lie in space. */
export interface Layout {
  readonly sizes: readonly number[];
  /** The axes in space, 1 to 3, in the order that they are to have. */
  readonly spatial: readonly number[];
}

/** Voxels as x, y, z, channel with x fastest: axes that do not lie in space become channels, wherever they stand in the file. */
export function arrange(voxels: Voxels, type: VoxelType, { sizes, spatial }: Layout): Voxels {
  const rest = sizes.map((_, axis) => axis).filter((axis) => !spatial.includes(axis));
  const order = [...spatial, ...rest];
  if (order.every((axis, place) => axis === place)) return voxels;
  const strides = sizes.map((_, axis) => sizes.slice(0, axis).reduce((product, n) => product * n, 1));
  const out = newVoxels(type, voxels.length);
  const inner = order[0]!;
  const [count, step] = [sizes[inner]!, strides[inner]!];
  const outer = order.slice(1);
  const at = outer.map(() => 0);
  for (let to = 0; to < out.length;) {
    let from = outer.reduce((sum, axis, i) => sum + at[i]! * strides[axis]!, 0);
    for (let i = 0; i < count; i++, from += step) out[to++] = voxels[from]!;
    for (let i = 0; i < outer.length; i++) {
      at[i] = at[i]! + 1;
      if (at[i]! < sizes[outer[i]!]!) break;
      at[i] = 0;
    }
  }
  return out;
}

/** A 4×4 affine from three columns and an origin. */
export function affineOf(columns: readonly (readonly number[])[], origin: readonly number[]): Float64Array {
  const affine = new Float64Array(16);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) affine[row * 4 + column] = columns[column]![row]!;
    affine[row * 4 + 3] = origin[row]!;
  }
  affine[15] = 1;
  return affine;
}

/** Between left-posterior-superior and right-anterior-superior. */
export const lpsToRas = (vector: readonly number[]): number[] => [-vector[0]!, -vector[1]!, vector[2]!];

export function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
}

export const lengthOf = (a: readonly number[]): number => Math.hypot(a[0]!, a[1]!, a[2]!);

export const scaled = (a: readonly number[], by: number): number[] => a.map((value) => value * by);

/**
 * Fills up the directions of an image with fewer than three axes in space, so that they span space: the missing ones stand at right
 * angles to the others, 1 mm long.
 */
export function completeAxes(columns: readonly (readonly number[])[]): number[][] {
  const full = columns.map((column) => [...column]);
  const units = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  while (full.length < 3) {
    if (full.length === 2) {
      const normal = cross(full[0]!, full[1]!);
      full.push(scaled(normal, 1 / lengthOf(normal)));
    } else {
      const first = full[0];
      full.push(units.find((unit) => !first || Math.abs(dot(unit, first)) < 0.8 * lengthOf(first))!);
    }
  }
  return full;
}
