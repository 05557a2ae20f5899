import { constants as bufferConstants } from 'node:buffer';
import { UserError } from '../../errors/userError';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';
import { readRange, readStart, type FileStart } from './bytes';
import { decodeVoxels } from './datatypes';
import { HEADER_BYTES, parseHeader, type NiftiHeader } from './header';

/** No gzip data inflates to more than this times its length. */
const MAX_GZIP_RATIO = 1040;

async function openNifti(file: string): Promise<{ header: NiftiHeader; start: FileStart }> {
  const start = await readStart(file, HEADER_BYTES);
  if (!start.compressed && start.bytes.length > 0 && /\.gz$/i.test(file) && !looksLikeNifti(start.bytes)) {
    throw new UserError(`${file}: is neither gzip data, as its name says, nor a NIfTI file`);
  }
  const header = parseHeader(start.bytes, file, start.compressed);
  checkLength(header, start, file);
  return { header, start };
}

function looksLikeNifti(bytes: Uint8Array): boolean {
  const first = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : 0;
  return [348, 540, 0x5c010000, 0x1c020000].includes(first);
}

function voxelBytes(header: NiftiHeader): number {
  return header.size[0] * header.size[1] * header.size[2] * header.channels * header.datatype.bytes;
}

/** Refuses a header that claims more voxels than the file can hold, before anything is allocated for them. */
function checkLength(header: NiftiHeader, start: FileStart, file: string): void {
  const needed = header.voxelOffset + voxelBytes(header);
  const possible = start.compressed ? start.fileLength * MAX_GZIP_RATIO : start.fileLength;
  const shape = `${header.size.join('×')}${header.channels > 1 ? `×${header.channels}` : ''}`;
  if (needed > possible) {
    throw new UserError(
      `${file}: the header claims ${shape} voxels of ${header.datatype.name} (${needed} bytes), but the file has ${start.fileLength} bytes: it is truncated or its header is corrupt`,
    );
  }
  if (needed > bufferConstants.MAX_LENGTH) {
    throw new UserError(
      `${file}: ${shape} voxels of ${header.datatype.name} are too many to hold in memory: split the file`,
    );
  }
}

/**
 * Reads a header; of a compressed file only the first bytes are inflated.
 *
 * @throws UserError naming `file` when it is missing, truncated, not NIfTI, or of a kind that is not supported.
 */
export async function readHeader(file: string): Promise<NiftiHeader> {
  return (await openNifti(file)).header;
}

/** Voxels as they are in a file: x fastest, then y, z, channel; native byte order; not scaled. */
export interface RawVoxels {
  readonly header: NiftiHeader;
  readonly voxels: VoxelArray;
}

/**
 * Reads a file's stored numbers in the file's own order. 64-bit integers come as float64.
 *
 * @throws UserError as {@link readHeader}, and when the voxels are truncated or their checksum is wrong.
 */
export async function readVoxels(file: string): Promise<RawVoxels> {
  const { header } = await openNifti(file);
  const bytes = await readRange(file, header.compressed, header.voxelOffset, voxelBytes(header));
  return { header, voxels: decodeVoxels(bytes, header.datatype, header.littleEndian, file) };
}

export interface ReadOptions {
  /** Which volume of a 4-D file, or all as channels. Default 0. */
  readonly channel?: number | 'all';
}

/** Voxels that are not numbers. */
export interface NonFinite {
  readonly nan: number;
  readonly infinite: number;
}

export interface NiftiVolume {
  readonly volume: Volume;
  readonly header: NiftiHeader;
  readonly nonFinite: NonFinite;
}

/**
 * Reads a volume: `[C, X, Y, Z]` with z fastest, slope and intercept applied. Integers without scaling keep their type (64-bit ones
 * become float64); everything else is float32. NaN and infinite voxels are counted and left as they are.
 *
 * @throws UserError as {@link readVoxels}, and when the channel does not exist.
 */
export async function readNifti(file: string, options: ReadOptions = {}): Promise<NiftiVolume> {
  const { header, voxels } = await readVoxels(file);
  const channel = options.channel ?? 0;
  if (channel !== 'all' && !(Number.isInteger(channel) && channel >= 0 && channel < header.channels)) {
    throw new UserError(`${file}: has no channel ${channel}: it has ${header.channels}, counted from 0`);
  }
  const first = channel === 'all' ? 0 : channel;
  const count = channel === 'all' ? header.channels : 1;
  const ordered = toChannelsFirst(voxels, header.size, first, count);
  const data = scaleStored(ordered, header);
  return {
    volume: { data, shape: [count, ...header.size], affine: Float64Array.from(header.affine) },
    header,
    nonFinite: countNonFinite(data),
  };
}

function toChannelsFirst(voxels: VoxelArray, size: NiftiHeader['size'], first: number, count: number): VoxelArray {
  const [nx, ny, nz] = size;
  const length = nx * ny * nz;
  const out = newArrayLike(voxels, length * count);
  for (let c = 0; c < count; c++) {
    copyBlock(voxels, { offset: (first + c) * length, strides: [1, nx, nx * ny] }, size, out, c * length);
  }
  return out;
}

function scaleStored(stored: VoxelArray, header: NiftiHeader): VoxelArray {
  const { slope, intercept } = header;
  const scaled = slope !== 1 || intercept !== 0;
  if (!scaled && header.datatype.name !== 'float64') return stored;
  const data = new Float32Array(stored.length);
  for (let i = 0; i < data.length; i++) data[i] = stored[i]! * slope + intercept;
  return data;
}

/** Counts NaN and infinite voxels; integers have none. */
export function countNonFinite(data: VoxelArray): NonFinite {
  let nan = 0;
  let infinite = 0;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!;
      if (value - value === 0) continue;
      if (Number.isNaN(value)) nan += 1;
      else infinite += 1;
    }
  }
  return { nan, infinite };
}
