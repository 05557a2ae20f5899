import type { Vec3 } from '../../geometry';
import { identityAffine, isInvertible, sameGrid, shearOf, spacingOf } from '../affine';
import type { Affine } from '../types';

export type AffineSource = 'sform' | 'qform' | 'pixdim';

/** The header fields that say where voxels lie. */
export interface AffineFields {
  readonly size: Vec3;
  readonly pixdim: readonly number[];
  readonly qformCode: number;
  readonly sformCode: number;
  readonly quaternion: Vec3;
  readonly qoffset: Vec3;
  /** The three rows of the sform. */
  readonly srow: readonly number[];
}

export interface ResolvedAffine {
  readonly affine: Affine;
  readonly source: AffineSource;
  /** The qform, when the sform is used and says something else. */
  readonly contradicting?: Affine;
  readonly warnings: readonly string[];
}

const FLOAT32_EPSILON = 2 ** -23;

function sformOf(fields: AffineFields): Affine {
  const affine = identityAffine();
  affine.set(fields.srow);
  return affine;
}

/** Voxel sizes as nibabel repairs them on reading: negative ones lose their sign, 0 becomes 1. */
function voxelSizes(pixdim: readonly number[]): [number, number, number] {
  return [1, 2, 3].map((i) => Math.abs(pixdim[i]!) || 1) as [number, number, number];
}

/** The rotation, zooms and offset of the qform (NIfTI-1 standard, method 2). */
function qformOf(fields: AffineFields, warnings: string[]): Affine {
  const [b, c, d] = fields.quaternion;
  const rest = 1 - (b * b + c * c + d * d);
  if (rest < -3 * FLOAT32_EPSILON) warnings.push('the quaternion of the qform is longer than 1; it was normalised');
  const a = Math.sqrt(Math.max(rest, 0));
  const s = 2 / (a * a + b * b + c * c + d * d);
  const zooms = voxelSizes(fields.pixdim);
  if (fields.pixdim[0] === -1) zooms[2] = -zooms[2];
  const rotation = [
    [1 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)],
    [s * (b * c + a * d), 1 - s * (b * b + d * d), s * (c * d - a * b)],
    [s * (b * d - a * c), s * (c * d + a * b), 1 - s * (b * b + c * c)],
  ];
  const affine = identityAffine();
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) affine[row * 4 + column] = rotation[row]![column]! * zooms[column]!;
    affine[row * 4 + 3] = fields.qoffset[row]!;
  }
  return affine;
}

/** nibabel's `get_base_affine`: the voxel sizes with the first axis towards the left, and the centre at 0. */
function baseAffine(fields: AffineFields): Affine {
  const zooms = voxelSizes(fields.pixdim);
  zooms[0] = -zooms[0];
  const affine = identityAffine();
  for (let k = 0; k < 3; k++) {
    affine[k * 5] = zooms[k]!;
    affine[k * 4 + 3] = (-(fields.size[k]! - 1) / 2) * zooms[k]!;
  }
  return affine;
}

/**
 * The affine that nibabel's `get_best_affine` gives: sform when its code is set, else qform, else the voxel sizes. Unlike
 * nibabel, a form that is set but singular or not finite is passed over (with a warning), since no volume can lie so.
 */
export function resolveAffine(fields: AffineFields): ResolvedAffine {
  const warnings: string[] = [];
  // nibabel resets codes outside 0–5 to 0.
  const known = (code: number) => code > 0 && code <= 5;
  const forms: { source: AffineSource; affine: Affine }[] = [];
  if (known(fields.sformCode)) forms.push({ source: 'sform', affine: sformOf(fields) });
  if (known(fields.qformCode)) forms.push({ source: 'qform', affine: qformOf(fields, warnings) });
  const usable = forms.filter(({ source, affine }) => {
    const fine = isInvertible(affine);
    if (!fine) warnings.push(`the ${source} is set but is not an invertible matrix; it was ignored`);
    return fine;
  });
  if (forms.length === 0) {
    warnings.push('no orientation: neither sform nor qform is set; axes are assumed to run left, anterior, superior');
  }
  const chosen = usable[0] ?? { source: 'pixdim' as const, affine: baseAffine(fields) };
  const tolerance = 0.1 * Math.min(...spacingOf(chosen.affine));
  const other = usable[1]?.affine;
  const contradicting = other && !sameGrid(chosen.affine, other, fields.size, tolerance) ? other : undefined;
  if (contradicting) warnings.push('sform and qform contradict each other; the sform is used');
  if (shearOf(chosen.affine) > 1e-3) warnings.push('the voxel axes are not at right angles');
  return { ...chosen, ...(contradicting && { contradicting }), warnings };
}
