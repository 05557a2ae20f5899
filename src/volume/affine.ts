import { voxelCount, type Vec3 } from '../geometry';
import { UserError } from '../errors/userError';
import type { Affine } from './types';

/** Row-major 4×4 identity. */
export function identityAffine(): Affine {
  return Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/** The matrix product `a · b`: `b` is applied first. */
export function composeAffine(a: Affine, b: Affine): Affine {
  const product = new Float64Array(16);
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[row * 4 + k]! * b[k * 4 + column]!;
      product[row * 4 + column] = sum;
    }
  }
  return product;
}

/** Determinant of the upper left 3×3 part. */
export function determinant(a: Affine): number {
  return (
    a[0]! * (a[5]! * a[10]! - a[6]! * a[9]!) -
    a[1]! * (a[4]! * a[10]! - a[6]! * a[8]!) +
    a[2]! * (a[4]! * a[9]! - a[5]! * a[8]!)
  );
}

/** The volume of one voxel in mm³, of axes at any angle. */
export function voxelVolume(a: Affine): number {
  return Math.abs(determinant(a));
}

/** Whether every entry is finite and the three voxel axes span space. */
export function isInvertible(a: Affine): boolean {
  if (!a.every(Number.isFinite)) return false;
  const lengths = spacingOf(a);
  const size = voxelCount(lengths);
  return size > 0 && Math.abs(determinant(a)) > 1e-9 * size;
}

/**
 * The inverse of an affine whose last row is 0 0 0 1.
 *
 * @throws UserError when it is singular.
 */
export function invertAffine(a: Affine): Affine {
  if (!isInvertible(a))
    throw new UserError('the affine matrix cannot be inverted: two voxel axes are parallel or empty');
  const d = 1 / determinant(a);
  const inverse = identityAffine();
  const minor = (r0: number, c0: number, r1: number, c1: number) =>
    (a[r0 * 4 + c0]! * a[r1 * 4 + c1]! - a[r0 * 4 + c1]! * a[r1 * 4 + c0]!) * d;
  for (let row = 0; row < 3; row++) {
    const [c0, c1] = [(row + 1) % 3, (row + 2) % 3];
    for (let column = 0; column < 3; column++) {
      inverse[row * 4 + column] = minor((column + 1) % 3, c0, (column + 2) % 3, c1);
    }
    inverse[row * 4 + 3] = -(
      inverse[row * 4]! * a[3]! +
      inverse[row * 4 + 1]! * a[7]! +
      inverse[row * 4 + 2]! * a[11]!
    );
  }
  return inverse;
}

/** Position in millimetres of a (fractional) voxel index. */
export function applyAffine(a: Affine, point: Vec3): [number, number, number] {
  const at = (row: number) =>
    a[row * 4]! * point[0] + a[row * 4 + 1]! * point[1] + a[row * 4 + 2]! * point[2] + a[row * 4 + 3]!;
  return [at(0), at(1), at(2)];
}

/** Distance in millimetres between neighbouring voxels along each axis (the lengths of the columns). */
export function spacingOf(a: Affine): [number, number, number] {
  return [Math.hypot(a[0]!, a[4]!, a[8]!), Math.hypot(a[1]!, a[5]!, a[9]!), Math.hypot(a[2]!, a[6]!, a[10]!)];
}

/** The affine of a grid whose voxel (0, 0, 0) is voxel `start` of the old one (after a crop; negative after padding). */
export function shiftAffine(a: Affine, start: Vec3): Affine {
  const shifted = Float64Array.from(a);
  const origin = applyAffine(a, start);
  for (let row = 0; row < 3; row++) shifted[row * 4 + 3] = origin[row]!;
  return shifted;
}

/** Largest absolute cosine between two voxel axes: 0 for an orthogonal grid. */
export function shearOf(a: Affine): number {
  const lengths = spacingOf(a);
  let worst = 0;
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    const dot = a[i]! * a[j]! + a[4 + i]! * a[4 + j]! + a[8 + i]! * a[8 + j]!;
    worst = Math.max(worst, Math.abs(dot) / (lengths[i]! * lengths[j]!));
  }
  return worst;
}

/** Whether two affines place every corner of a grid of this size within `tolerance` millimetres of each other. */
export function sameGrid(a: Affine, b: Affine, size: Vec3, tolerance: number): boolean {
  for (let corner = 0; corner < 8; corner++) {
    const point: Vec3 = [corner & 1 ? size[0] - 1 : 0, corner & 2 ? size[1] - 1 : 0, corner & 4 ? size[2] - 1 : 0];
    const [p, q] = [applyAffine(a, point), applyAffine(b, point)];
    if (!(Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) <= tolerance)) return false;
  }
  return true;
}
