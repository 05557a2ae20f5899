import type { Vec3 } from '../geometry';
import { UserError } from '../errors/userError';
import { identityAffine, invertAffine, isInvertible, spacingOf } from './affine';
import type { Affine } from './types';

/** For each voxel axis: the world axis it runs along most (0 = R, 1 = A, 2 = S) and whether with or against it. */
export interface Orientation {
  readonly axis: Vec3;
  readonly sign: Vec3;
}

const POSITIVE = ['R', 'A', 'S'];
const NEGATIVE = ['L', 'P', 'I'];

/** The orthogonal matrix closest to the affine's axis directions: the polar factor, by Newton's iteration. */
function nearestRotation(affine: Affine): Affine {
  const lengths = spacingOf(affine);
  let r = identityAffine();
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) r[row * 4 + column] = affine[row * 4 + column]! / lengths[column]!;
  }
  for (let iteration = 0; iteration < 60; iteration++) {
    const inverse = invertAffine(r);
    const next = identityAffine();
    let change = 0;
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) {
        const value = (r[row * 4 + column]! + inverse[column * 4 + row]!) / 2;
        change = Math.max(change, Math.abs(value - r[row * 4 + column]!));
        next[row * 4 + column] = value;
      }
    }
    r = next;
    if (change < 1e-14) break;
  }
  return r;
}

/**
 * Orientation of the voxel axes in RAS+ space, as nibabel's `io_orientation`: each axis in turn takes the world axis that
 * it is closest to among those still free.
 *
 * @throws UserError when the affine is singular.
 */
export function orientationOf(affine: Affine): Orientation {
  if (!isInvertible(affine)) throw new UserError('the affine matrix is singular: the orientation is not defined');
  const rotation = nearestRotation(affine);
  const axis: number[] = [];
  const sign: number[] = [];
  for (let column = 0; column < 3; column++) {
    let best = -1;
    let size = -1;
    for (let row = 0; row < 3; row++) {
      const value = Math.abs(rotation[row * 4 + column]!);
      if (!axis.includes(row) && value > size) {
        best = row;
        size = value;
      }
    }
    axis.push(best);
    sign.push(rotation[best * 4 + column]! < 0 ? -1 : 1);
  }
  return { axis: axis as unknown as Orientation['axis'], sign: sign as unknown as Orientation['sign'] };
}

/** Letters for the positive end of each voxel axis, such as `RAS` or `LPS` (nibabel's `aff2axcodes`). */
export function axisCodes(affine: Affine): string {
  const { axis, sign } = orientationOf(affine);
  return axis.map((a, i) => (sign[i]! > 0 ? POSITIVE : NEGATIVE)[a]).join('');
}

/**
 * Reads codes such as `RAS`.
 *
 * @throws UserError unless there are three letters, one for each of left–right, posterior–anterior, inferior–superior.
 */
export function parseAxisCodes(codes: string): Orientation {
  const letters = [...codes.toUpperCase()];
  const axis = letters.map((letter) => Math.max(POSITIVE.indexOf(letter), NEGATIVE.indexOf(letter)));
  if (letters.length !== 3 || [0, 1, 2].some((a) => !axis.includes(a))) {
    throw new UserError(
      `orientation "${codes}" is not valid: give one letter of R/L, one of A/P and one of S/I, such as RAS`,
    );
  }
  const sign = letters.map((letter) => (POSITIVE.includes(letter) ? 1 : -1));
  return { axis: axis as unknown as Orientation['axis'], sign: sign as unknown as Orientation['sign'] };
}
