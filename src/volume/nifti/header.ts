import type { Vec3 } from '../../geometry';
import type { FormatHeader } from '../../formats/types';
import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { AdvisedError, UserError } from '../../errors/userError';
import type { Affine } from '../types';
import { spacingOf } from '../affine';
import { resolveAffine, type AffineFields, type AffineSource, type ResolvedAffine } from './affineFields';
import { datatypeOf, type Datatype } from './datatypes';
import { formatSize, significant } from '../../text';

/** Bytes that are enough to parse any header (NIfTI-2 with its extension flag). */
export const HEADER_BYTES = 544;

/** A parsed and checked NIfTI header. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly compressed: boolean;
  readonly datatype: Datatype;
  /** Spatial size. */
  readonly size: Vec3;
  /** Volumes in the file: the fourth dimension (or the fifth, for vectors), 1 for 3-D images. */
  readonly channels: number;
  readonly dimensions: number;
  /** The file that holds the voxels, of a pair of files; undefined: the file itself. */
  readonly voxelFile?: string;
  /** Where the voxels start in the (inflated) file. */
  readonly voxelOffset: number;
  /** Value = stored · slope + intercept; 1 and 0 when the header sets none. */
  readonly slope: number;
  readonly intercept: number;
  readonly affine: Affine;
  readonly affineSource: AffineSource;
  /** The qform, when the sform is used and says something else. */
  readonly contradicting?: Affine;
  readonly qformCode: number;
  readonly sformCode: number;
  readonly units: 'mm' | 'm' | 'um' | 'unknown';
  readonly description: string;
  /** One line each: what is odd about where and how the voxels lie. */
  readonly warnings: readonly string[];
  /** Of a file that is not NIfTI: its own header, of which this one is the form that all formats share. */
  readonly foreign?: FormatHeader;
}

interface Layout {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** The voxels are in a file of their own (`.hdr` and `.img`). */
  readonly pair: boolean;
}

/** Finds version and byte order by the header's first number, and checks the magic. */
function layoutOf(bytes: Uint8Array, file: string): Layout {
  if (bytes.length === 0) throw new UserError(`${file}: the file is empty`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const littleEndian of [true, false]) {
    const length = bytes.length >= 4 ? view.getInt32(0, littleEndian) : 0;
    if (length !== 348 && length !== 540) continue;
    if (bytes.length < length) throw new UserError(`${file}: truncated: the file ends inside the NIfTI header`);
    const at = length === 348 ? 344 : 4;
    const magic = String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!);
    const version = length === 348 ? 1 : 2;
    if (magic === `n+${version}`) return { version, littleEndian, pair: false };
    if (magic === `ni${version}`) return { version, littleEndian, pair: true };
    if (length === 348 && /^\0/.test(magic)) {
      throw new AdvisedError(file, 'is an ANALYZE 7.5 header, not NIfTI', 'convert it to .nii or .nii.gz');
    }
    throw new UserError(`${file}: not a NIfTI file: its magic is ${JSON.stringify(magic)}, not "n+${version}"`);
  }
  throw new UserError(`${file}: not a NIfTI file (no NIfTI header at its start)`);
}

function spatialLayout(dims: readonly number[], file: string): Pick<NiftiHeader, 'size' | 'channels' | 'dimensions'> {
  const dimensions = dims[0]!;
  // Some writers count axes that they leave at 0: such an axis has one place.
  const used = dims.slice(1, 1 + dimensions).map((n, axis) => (axis >= 3 && n === 0 ? 1 : n));
  if (!(dimensions >= 1 && dimensions <= 7) || used.some((n) => !Number.isSafeInteger(n) || n < 1)) {
    throw new UserError(`${file}: the header's dimensions [${dims.join(', ')}] make no sense: the file is corrupt`);
  }
  const at = (axis: number) => used[axis] ?? 1;
  const rest = used.slice(3).filter((n) => n > 1);
  if (rest.length > 1) {
    throw new UserError(
      `${file}: has ${dimensions} dimensions (${formatSize(used)}): only 3-D and 4-D images are supported`,
    );
  }
  return { dimensions, size: [at(0), at(1), at(2)], channels: rest[0] ?? 1 };
}

function scaling(slope: number, intercept: number, file: string): { slope: number; intercept: number } {
  if (!Number.isFinite(slope) || slope === 0) return { slope: 1, intercept: 0 };
  if (!Number.isFinite(intercept))
    throw new UserError(`${file}: scl_inter is ${intercept} in the header: the file is corrupt`);
  return { slope, intercept };
}

const UNITS = ['unknown', 'm', 'mm', 'um'] as const;
/** Millimetres of a unit of length, and its name. */
const LENGTHS = { unknown: [1, ''], m: [1000, 'metres'], mm: [1, ''], um: [1e-3, 'micrometres'] } as const;

/** Larger voxels than these are in no image of a body, in mm: whoever wrote metres meant millimetres. */
const NO_VOXEL = 100;

/** The affine in millimetres, from lengths in the header's unit. */
function resolveInUnits(fields: Omit<AffineFields, 'unit'>, units: NiftiHeader['units'], file: string): ResolvedAffine {
  const [unit, lengths] = LENGTHS[units];
  const resolved = resolveAffine({ ...fields, unit }, file);
  if (!lengths) return resolved;
  const spacing = spacingOf(resolved.affine);
  if (units !== 'm' || spacing.some((mm) => mm < NO_VOXEL))
    return withWarning(resolved, `the header gives lengths in ${lengths}; they are converted to mm`);
  const asMetres = formatSize(spacing.map((mm) => significant(mm, 4)));
  return withWarning(
    resolveAffine({ ...fields, unit: 1 }, file),
    `the header gives lengths in ${lengths}, which would be voxels of ${asMetres} mm; they are taken as mm`,
  );
}

const withWarning = (resolved: ResolvedAffine, text: string): ResolvedAffine => ({
  ...resolved,
  warnings: [...resolved.warnings, text],
});

/** Bytes of a header, without the four behind it that the format keeps for a flag. */
export const headerLength = (version: 1 | 2): number => (version === 1 ? 348 : 540);

/** Where the voxels start: behind the header, or at the start of a file of their own. */
function offsetOf(stated: number, { version, pair }: Layout, file: string): number {
  const least = pair ? 0 : headerLength(version);
  if (!Number.isSafeInteger(stated) || stated < 0 || (stated > 0 && stated < least)) {
    throw new UserError(`${file}: the voxels are said to start at byte ${stated}: the header is corrupt`);
  }
  return stated || (pair ? 0 : least + 4);
}

/**
 * Parses the first bytes of a NIfTI-1 or NIfTI-2 file, of either byte order.
 *
 * @param bytes at least {@link HEADER_BYTES} unless the file is shorter.
 * @returns with whether the voxels are in a file of their own
 * @throws UserError naming `file`, in one line, for anything that is not a NIfTI image of numbers.
 */
export function parseHeader(
  bytes: Uint8Array,
  file: string,
  compressed: boolean,
): NiftiHeader & { readonly pair: boolean } {
  const layout = layoutOf(bytes, file);
  const { version, littleEndian, pair } = layout;
  // Without extensions: they are not needed, and a corrupt one must not stop the reading.
  // A copy of its own: the slice of a Buffer would be a view into a larger pool.
  const fixed = Uint8Array.from(bytes.subarray(0, headerLength(version))).buffer;
  const raw = version === 1 ? new NIFTI1() : new NIFTI2();
  raw.readHeader(fixed);
  const view = new DataView(fixed);
  // nifti-reader-js mixes sform and qform by the larger code; nibabel's precedence needs the sform itself.
  const srow = Array.from({ length: 12 }, (_, i) =>
    version === 1 ? view.getFloat32(280 + 4 * i, littleEndian) : view.getFloat64(400 + 8 * i, littleEndian),
  );
  const spatial = spatialLayout(raw.dims, file);
  const datatype = datatypeOf(raw.datatypeCode, file);
  const voxelOffset = offsetOf(raw.vox_offset, layout, file);
  const units = UNITS[raw.xyzt_units & 7] ?? 'unknown';
  const resolved = resolveInUnits(
    {
      size: spatial.size,
      pixdim: raw.pixDims,
      qformCode: raw.qform_code,
      sformCode: raw.sform_code,
      quaternion: [raw.quatern_b, raw.quatern_c, raw.quatern_d],
      qoffset: [raw.qoffset_x, raw.qoffset_y, raw.qoffset_z],
      srow,
    },
    units,
    file,
  );
  return {
    version,
    littleEndian,
    compressed,
    datatype,
    ...spatial,
    pair,
    voxelOffset,
    ...scaling(raw.scl_slope, raw.scl_inter, file),
    affine: resolved.affine,
    affineSource: resolved.source,
    ...(resolved.contradicting && { contradicting: resolved.contradicting }),
    qformCode: raw.qform_code,
    sformCode: raw.sform_code,
    units,
    description: raw.description.replace(/\0.*$/s, '').trim(),
    warnings: resolved.warnings,
  };
}
