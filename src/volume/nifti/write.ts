import { createGzip } from 'node:zlib';
import { UserError } from '../../errors/userError';
import { writeAtomically } from '../../files/atomic';
import { caretTable } from '../../labels/caret';
import type { NamedLabel } from '../../labels/entry';
import { determinant, isInvertible, shearOf, spacingOf } from '../affine';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Affine, Volume, VoxelArray } from '../types';
import { newVoxels } from '../../formats/numbers';
import { PLAIN_CODE } from './extensions';
import { headerLength } from './header';
import { DATATYPES, datatypeFor, type DatatypeName } from './datatypes';
import { formatSize } from '../../text';

export interface WriteOptions {
  /** Stored type; by default the one of the data. Values are rounded for integer types. */
  readonly datatype?: DatatypeName;
  /** Free text in the header, at most 79 bytes are kept. */
  readonly description?: string;
  /** Names and colours of the values, kept in the file as a Caret `LabelTable`. */
  readonly labels?: readonly NamedLabel[];
}

/**
 * Writes a single-file NIfTI image (gzip when the name ends in .gz) that keeps the affine: as sform, and as qform too when the axes are at
 * right angles. NIfTI-1, or NIfTI-2 where an axis is longer than 32767. The file appears whole or not at all.
 *
 * @throws UserError naming `file` when a value does not fit into the datatype, the affine is singular, or the file cannot be written.
 */
export async function writeNifti(file: string, volume: Volume, options: WriteOptions = {}): Promise<void> {
  if (!isInvertible(volume.affine)) throw new UserError(`${file}: not written: the affine matrix is singular`);
  if (volume.shape.includes(0))
    throw new UserError(`${file}: not written: the volume is empty (${formatSize(volume.shape)})`);
  const datatype = options.datatype ?? datatypeFor(volume.data);
  const voxels = encodeVoxels(toFileOrder(volume), datatype, file);
  const large = volume.shape.some((n) => n > 32767);
  const extension = labelExtension(options.labels ?? []);
  const header = encodeHeader(volume, datatype, options.description ?? '', large ? 2 : 1, extension);
  await writeAtomically(file, async (handle) => {
    const body = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
    if (!/\.gz$/i.test(file)) {
      await handle.writeFile(header);
      await handle.writeFile(body);
      return;
    }
    const gzip = createGzip({ level: 4, chunkSize: 1 << 18 });
    gzip.write(header);
    gzip.end(body);
    for await (const chunk of gzip as AsyncIterable<Buffer>) await handle.writeFile(chunk);
  });
}

function toFileOrder(volume: Volume): VoxelArray {
  const [channels, nx, ny, nz] = volume.shape;
  const out = newArrayLike(volume.data, volume.data.length);
  for (let c = 0; c < channels; c++) {
    const offset = c * nx * ny * nz;
    copyBlock(volume.data, { offset, strides: [1, nz, ny * nz] }, [nz, ny, nx], out, offset);
  }
  return out;
}

const RANGES: Record<string, [number, number]> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

function encodeVoxels(data: VoxelArray, datatype: DatatypeName, file: string): VoxelArray | BigInt64Array {
  if (datatypeFor(data) === datatype) return data;
  const long = datatype === 'int64' || datatype === 'uint64';
  const out = long ? new BigInt64Array(data.length) : newVoxels(datatype, data.length);
  const range = RANGES[datatype];
  for (let i = 0; i < data.length; i++) {
    const value = range ? Math.round(data[i]!) : data[i]!;
    if (range && !(value >= range[0] && value <= range[1])) {
      throw new UserError(`${file}: not written: the value ${data[i]} does not fit into ${datatype}`);
    }
    out[i] = long ? BigInt(value) : value;
  }
  return out;
}

/** An extension of a NIfTI header that names label values: its length, its code, the text. Empty without names. */
function labelExtension(labels: readonly NamedLabel[]): Uint8Array {
  if (labels.length === 0) return new Uint8Array(0);
  const text = new TextEncoder().encode(caretTable(labels));
  const bytes = new Uint8Array(Math.ceil((8 + text.length) / 16) * 16);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length, true);
  view.setInt32(4, PLAIN_CODE, true);
  bytes.set(text, 8);
  return bytes;
}

/** The quaternion (b, c, d) and qfac of an affine with orthogonal axes. */
function quaternionOf(affine: Affine): { b: number; c: number; d: number; qfac: number } {
  const lengths = spacingOf(affine);
  const qfac = determinant(affine) < 0 ? -1 : 1;
  const r = (row: number, column: number) => (affine[row * 4 + column]! / lengths[column]!) * (column === 2 ? qfac : 1);
  const [xx, yy, zz] = [r(0, 0), r(1, 1), r(2, 2)];
  // Each square is 4 times the square of one component: dividing by the largest component keeps all of them exact.
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const largest = squares.indexOf(Math.max(...squares));
  const root = 2 * Math.sqrt(squares[largest]!);
  const rows = [
    [root / 4, (r(2, 1) - r(1, 2)) / root, (r(0, 2) - r(2, 0)) / root, (r(1, 0) - r(0, 1)) / root],
    [(r(2, 1) - r(1, 2)) / root, root / 4, (r(0, 1) + r(1, 0)) / root, (r(0, 2) + r(2, 0)) / root],
    [(r(0, 2) - r(2, 0)) / root, (r(0, 1) + r(1, 0)) / root, root / 4, (r(1, 2) + r(2, 1)) / root],
    [(r(1, 0) - r(0, 1)) / root, (r(0, 2) + r(2, 0)) / root, (r(1, 2) + r(2, 1)) / root, root / 4],
  ];
  const [a, b, c, d] = rows[largest] as [number, number, number, number];
  const sign = a < 0 ? -1 : 1;
  return { b: sign * b, c: sign * c, d: sign * d, qfac };
}

function encodeHeader(
  volume: Volume,
  datatype: DatatypeName,
  description: string,
  version: 1 | 2,
  extension: Uint8Array,
): Uint8Array {
  const [channels, ...size] = volume.shape;
  const type = DATATYPES.find(({ name }) => name === datatype)!;
  const spacing = spacingOf(volume.affine);
  const orthogonal = shearOf(volume.affine) < 1e-5;
  const q = quaternionOf(volume.affine);
  const start = headerLength(version) + 4;
  const bytes = new Uint8Array(start + extension.length);
  bytes[start - 4] = extension.length > 0 ? 1 : 0;
  bytes.set(extension, start);
  const view = new DataView(bytes.buffer);
  const real = (at1: number, at2: number, values: readonly number[]) =>
    values.forEach((value, i) =>
      version === 1 ? view.setFloat32(at1 + 4 * i, value, true) : view.setFloat64(at2 + 8 * i, value, true),
    );
  const dims = [channels > 1 ? 4 : 3, ...size, channels, 1, 1, 1];
  const magic = version === 1 ? 'n+1\0' : 'n+2\0\r\n\x1a\n';
  [...magic].forEach((letter, i) => (bytes[(version === 1 ? 344 : 4) + i] = letter.charCodeAt(0)));
  view.setInt32(0, headerLength(version), true);
  dims.forEach((n, i) =>
    version === 1 ? view.setInt16(40 + 2 * i, n, true) : view.setBigInt64(16 + 8 * i, BigInt(n), true),
  );
  view.setInt16(version === 1 ? 70 : 12, type.code, true);
  view.setInt16(version === 1 ? 72 : 14, type.bytes * 8, true);
  real(76, 104, [q.qfac, ...spacing, 1, 1, 1, 1]);
  if (version === 1) view.setFloat32(108, bytes.length, true);
  else view.setBigInt64(168, BigInt(bytes.length), true);
  real(112, 176, [1, 0]);
  const text = new TextEncoder().encode(description).subarray(0, 79);
  bytes.set(text, version === 1 ? 148 : 240);
  const MILLIMETRES = 2;
  if (version === 1) view.setUint8(123, MILLIMETRES);
  else view.setInt32(500, MILLIMETRES, true);
  const SCANNER = 1;
  const codes = [orthogonal ? SCANNER : 0, SCANNER];
  codes.forEach((code, i) =>
    version === 1 ? view.setInt16(252 + 2 * i, code, true) : view.setInt32(344 + 4 * i, code, true),
  );
  real(256, 352, [q.b, q.c, q.d, volume.affine[3]!, volume.affine[7]!, volume.affine[11]!]);
  real(280, 400, Array.from(volume.affine.subarray(0, 12)));
  return bytes;
}
