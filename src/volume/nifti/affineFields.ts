import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import { formatSize, listOf, significant } from '../../text';
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
  /** Millimetres of the header's unit of length. */
  readonly unit: number;
}

export interface ResolvedAffine {
  readonly affine: Affine;
  readonly source: AffineSource;
  /** The qform, when the sform is used and says something else. */
  readonly contradicting?: Affine;
  readonly warnings: readonly string[];
}

const FLOAT32_EPSILON = 2 ** -23;

const LETTERS = ['x', 'y', 'z'];

/** An affine in the header's unit of length, in millimetres. */
function inMillimetres(affine: Affine, unit: number): Affine {
  return unit === 1 ? affine : affine.map((value, i) => (i < 12 ? value * unit : value));
}

function sformOf(fields: AffineFields): Affine {
  const affine = identityAffine();
  affine.set(fields.srow);
  return affine;
}

/** Voxel sizes as nibabel repairs them on reading: negative ones lose their sign; 0 and what is no number become 1. */
function voxelSizes(pixdim: readonly number[]): [number, number, number] {
  return [1, 2, 3].map((i) => (Number.isFinite(pixdim[i]) ? Math.abs(pixdim[i]!) : 0) || 1) as [number, number, number];
}

/** Voxel sizes that cannot be, of axes with more than one voxel. */
function oddVoxelSizes({ pixdim, size }: AffineFields, sform: boolean): string[] {
  return LETTERS.flatMap((letter, axis) => {
    const value = pixdim[axis + 1]!;
    if (value > 0 && Number.isFinite(value)) return [];
    if (value === 0 && size[axis] === 1) return [];
    const taken = sform
      ? "the sform's spacing is used"
      : value < 0 && Number.isFinite(value)
        ? 'its sign is ignored'
        : '1 is taken for it';
    return [`the voxel size along ${letter} (pixdim[${axis + 1}]) is ${significant(value, 5)}; ${taken}`];
  });
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

const sizes = (affine: Affine): string => `${formatSize(spacingOf(affine).map((value) => significant(value, 4)))} mm`;

/** Degrees between the two voxel axes that are farthest from a right angle. */
const leastAngle = (affine: Affine): string => significant((Math.acos(shearOf(affine)) * 180) / Math.PI, 3);

/** What two usable forms say of each other. */
function compareForms(chosen: Affine, other: Affine | undefined, size: Vec3): { affine?: Affine; warnings: string[] } {
  if (!other || sameGrid(chosen, other, size, 0.1 * Math.min(...spacingOf(chosen)))) return { warnings: [] };
  const far = Math.max(...[3, 7, 11].map((i) => Math.abs(chosen[i]! - other[i]!)));
  // Where the sizes agree, the place or the directions differ.
  const what =
    sizes(chosen) !== sizes(other)
      ? `spacing ${sizes(chosen)} against ${sizes(other)}`
      : far > 0.1 * Math.min(...spacingOf(chosen))
        ? `both ${sizes(chosen)}, but the first voxels lie up to ${significant(far, 3)} mm apart along an axis`
        : `both ${sizes(chosen)}, but the axes have other directions`;
  const text = `sform and qform contradict each other (${what}); the sform is used`;
  return { affine: other, warnings: [text] };
}

/** What the voxel sizes say against a sform, which has no qform beside it. */
function comparePixdim({ pixdim, unit }: AffineFields, sform: Affine): string[] {
  const spacing = spacingOf(sform);
  const own = voxelSizes(pixdim).map((value) => value * unit);
  if (own.every((value, axis) => Math.abs(value - spacing[axis]!) <= 0.01 * spacing[axis]!)) return [];
  const said = `${formatSize(own.map((value) => significant(value, 4)))} mm`;
  return [`the voxel sizes (pixdim) say ${said}, the sform ${sizes(sform)}; the sform is used`];
}

/** nibabel resets codes outside 0–5 to 0. */
const known = (code: number): boolean => code > 0 && code <= 5;

/** The forms that are set, the one to prefer first. */
function formsOf(fields: AffineFields, warnings: string[]): { source: AffineSource; affine: Affine }[] {
  const forms: { source: AffineSource; affine: Affine }[] = [];
  if (known(fields.sformCode)) forms.push({ source: 'sform', affine: inMillimetres(sformOf(fields), fields.unit) });
  if (known(fields.qformCode)) {
    const affine = inMillimetres(qformOf(fields, warnings), fields.unit);
    forms.push({ source: 'qform', affine });
  }
  return forms;
}

/**
 * The affine that nibabel's `get_best_affine` gives, in millimetres: sform when its code is set, else qform, else the voxel
 * sizes. A form that is set but singular or not finite is passed over, with a warning, where the other is usable.
 *
 * @throws UserError naming `file` when every form that is set is singular or not finite: no volume can lie so
 */
export function resolveAffine(fields: AffineFields, file: string): ResolvedAffine {
  const warnings: string[] = [];
  const forms = formsOf(fields, warnings);
  const usable = forms.filter(({ affine }) => isInvertible(affine));
  const broken = forms.filter((form) => !usable.includes(form)).map(({ source }) => source);
  if (forms.length > 0 && usable.length === 0)
    throw new UserError(
      `${file}: the affine is singular or not finite (${listOf(broken, 'and')} of the header): repair the header, or convert the image again from its source`,
    );
  for (const source of broken) warnings.push(`the ${source} is set but is not an invertible matrix; it was ignored`);
  if (forms.length === 0) {
    warnings.push('no orientation: neither sform nor qform is set; axes are assumed to run left, anterior, superior');
    if (isInvertible(sformOf(fields)))
      warnings.push(`the sform holds a matrix, but its code is ${fields.sformCode}: it is not used`);
  }
  const chosen = usable[0] ?? { source: 'pixdim' as const, affine: inMillimetres(baseAffine(fields), fields.unit) };
  warnings.push(...oddVoxelSizes(fields, chosen.source === 'sform'));
  const { affine: contradicting, warnings: contradictions } = compareForms(
    chosen.affine,
    usable[1]?.affine,
    fields.size,
  );
  warnings.push(...contradictions);
  const sound = oddVoxelSizes(fields, true).length === 0;
  if (chosen.source === 'sform' && usable.length === 1 && sound) warnings.push(...comparePixdim(fields, chosen.affine));
  if (shearOf(chosen.affine) > 1e-3)
    warnings.push(
      `the voxel axes are not at right angles (${leastAngle(chosen.affine)}°); resampling to a spacing straightens them`,
    );
  return { ...chosen, ...(contradicting && { contradicting }), warnings };
}
