import { voxelCount, type Vec3 } from '../../geometry';
import { constants as bufferConstants } from 'node:buffer';
import { AdvisedError, UserError } from '../../errors/userError';
import { MAX_GZIP_RATIO } from '../../formats/fileBytes';
import { numbersOf } from '../../formats/numbers';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';
import { inflatedLength, readStart, streamRange, type ChunkSink, type FileStart } from './bytes';
import { checkMemory } from '../../files/memory';
import { growVoxels, type GrowingVoxels } from './growing';
import { dataFileOf, headerFileOf } from './pair';
import { HEADER_BYTES, headerLength, parseHeader, type NiftiHeader } from './header';
import { formatSize } from '../../text';

/** Among the warnings of a header whose voxels were read. */
export const TRAILING = 'bytes behind the gzip data were left out';

/** Where the voxels of a header lie, and whether they are compressed. */
interface Source {
  readonly header: NiftiHeader;
  /** The file of the voxels: the same, or the other one of a pair. */
  readonly voxelFile: string;
}

async function openNifti(file: string): Promise<Source> {
  const headerFile = await headerFileOf(file);
  const start = await readStart(headerFile, HEADER_BYTES);
  if (!start.compressed && start.bytes.length > 0 && /\.gz$/i.test(headerFile) && !looksLikeNifti(start.bytes)) {
    throw new UserError(`${headerFile}: is neither gzip data, as its name says, nor a NIfTI file`);
  }
  if (/\.img(\.gz)?$/i.test(headerFile) && !looksLikeNifti(start.bytes))
    throw new UserError(`${file}: has no header beside it: an .img file needs the .hdr file of the same name`);
  const { pair, ...header } = parseHeader(start.bytes, headerFile, start.compressed);
  if (!pair) {
    checkLength(header, start, headerFile);
    return { header: await withSureOffset(header, start, headerFile), voxelFile: headerFile };
  }
  const voxelFile = await dataFileOf(headerFile);
  const data = await readStart(voxelFile, 2);
  const { compressed } = data;
  checkLength({ ...header, compressed }, data, voxelFile);
  return { header: { ...header, compressed, voxelFile }, voxelFile };
}

function looksLikeNifti(bytes: Uint8Array): boolean {
  const first = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) : 0;
  return [348, 540, 0x5c010000, 0x1c020000].includes(first);
}

/** Bytes of all voxels of a file, inflated. */
export function voxelBytes(header: Pick<NiftiHeader, 'size' | 'channels' | 'datatype'>): number {
  return voxelCount(header.size) * header.channels * header.datatype.bytes;
}

function claim(header: NiftiHeader): string {
  const shape = `${formatSize(header.size)}${header.channels > 1 ? `×${header.channels}` : ''}`;
  return `${shape} voxels of ${header.datatype.name}`;
}

/** Refuses a header that claims more voxels than the file can hold, before anything is allocated for them. */
function checkLength(header: NiftiHeader, start: FileStart, file: string): void {
  const needed = header.voxelOffset + voxelBytes(header);
  const possible = start.compressed ? start.fileLength * MAX_GZIP_RATIO : start.fileLength;
  if (needed > possible) {
    throw new UserError(
      `${file}: the header claims ${claim(header)} (${needed} bytes), but the file has ${start.fileLength} bytes: it is truncated or its header is corrupt`,
    );
  }
}

/**
 * A header that says that the voxels begin inside of the four bytes which the format keeps behind it, with the place where they are:
 * some writers count these bytes and some leave them out, which the length of the file tells.
 */
async function withSureOffset(header: NiftiHeader, start: FileStart, file: string): Promise<NiftiHeader> {
  const { voxelOffset: stated } = header;
  const usual = headerLength(header.version) + 4;
  if (stated >= usual) return header;
  const end = usual + voxelBytes(header);
  const length = start.compressed ? await inflatedLength(file, end + 1) : start.fileLength;
  // A shorter file is truncated, which is told when it is read.
  if (length <= stated + voxelBytes(header)) return header;
  if (length !== end)
    throw new AdvisedError(
      file,
      `the voxels are said to start at byte ${stated}, inside of the header, and the file's length does not tell where they are`,
      'convert it again from its source',
    );
  const warning = `the voxels are said to start at byte ${stated}, but by the file's length they start at byte ${usual}, where they are read`;
  return { ...header, voxelOffset: usual, warnings: [...header.warnings, warning] };
}

function checkFits(header: NiftiHeader, file: string): void {
  if (voxelBytes(header) > bufferConstants.MAX_LENGTH) {
    throw new AdvisedError(file, `${claim(header)} are too many to hold in memory`, 'split the file');
  }
}

/**
 * Reads a header; of a compressed file only the first bytes are inflated.
 *
 * @param options.anySize also when the voxels are too many to be read at once ({@link readEveryNth} reads a part of them).
 * @throws UserError naming `file` when it is missing, truncated, not NIfTI, or of a kind that is not supported.
 */
export async function readHeader(file: string, options: { anySize?: boolean } = {}): Promise<NiftiHeader> {
  const { header } = await openNifti(file);
  if (!options.anySize) checkFits(header, file);
  return header;
}

/** Voxels as they are in a file: x fastest, then y, z, channel; native byte order; not scaled. */
export interface RawVoxels {
  readonly header: NiftiHeader;
  readonly voxels: VoxelArray;
}

/**
 * Reads a file's stored numbers in the file's own order. 64-bit integers come as float64.
 *
 * @param onStart gets the same voxels before they are read, for who wants to look at them meanwhile.
 * @throws UserError as {@link readHeader}, and when the voxels are truncated or their checksum is wrong.
 */
export async function readVoxels(file: string, onStart?: (growing: GrowingVoxels) => void): Promise<RawVoxels> {
  const { header, voxelFile } = await openNifti(file);
  checkFits(header, file);
  checkMemory(voxelBytes(header), file, `${claim(header)} would`);
  const bytes = new ArrayBuffer(voxelBytes(header));
  const { trailing } = await growVoxels(voxelFile, header, bytes, onStart);
  const voxels = numbersOf(bytes, header.datatype.name, header.littleEndian, file);
  return { header: trailing ? { ...header, warnings: [...header.warnings, TRAILING] } : header, voxels };
}

/**
 * As {@link readVoxels}, but keeps only every n-th voxel along each spatial axis, and never holds more than those: for files that are
 * larger than the memory.
 *
 * @param step whole numbers from 1; voxel 0 of each axis is kept. The header that is returned describes what was kept.
 * @throws UserError as {@link readVoxels}.
 */
export async function readEveryNth(file: string, step: Vec3): Promise<RawVoxels> {
  const { header: whole, voxelFile } = await openNifti(file);
  const header = everyNth(whole, step);
  checkFits(header, file);
  // One row is held as it is in the file.
  checkMemory(voxelBytes(header) + whole.size[0] * whole.datatype.bytes, file, `${claim(header)} would`);
  const bytes = new ArrayBuffer(voxelBytes(header));
  const sink = rowSink(whole, step, new Uint8Array(bytes));
  await streamRange(voxelFile, whole.compressed, whole.voxelOffset, voxelBytes(whole), sink);
  return { header, voxels: numbersOf(bytes, header.datatype.name, header.littleEndian, file) };
}

/** The header of a volume that keeps every n-th voxel along each axis. */
export function everyNth(header: NiftiHeader, step: Vec3): NiftiHeader {
  const affine = Float64Array.from(header.affine);
  for (let row = 0; row < 3; row++) for (let axis = 0; axis < 3; axis++) affine[row * 4 + axis]! *= step[axis]!;
  const kept = (axis: number): number => Math.ceil(header.size[axis]! / step[axis]!);
  return { ...header, size: [kept(0), kept(1), kept(2)], affine };
}

/** Takes the bytes of all voxels in order, and copies those that are kept. */
function rowSink(header: NiftiHeader, step: Vec3, out: Uint8Array): ChunkSink {
  const [nx, ny, nz] = header.size;
  const { bytes } = header.datatype;
  const row = new Uint8Array(nx * bytes);
  let to = 0;
  const keepRow = (): void => {
    for (let x = 0; x < nx; x += step[0]) {
      for (let b = 0; b < bytes; b++) out[to++] = row[x * bytes + b]!;
    }
  };
  return (chunk, position) => {
    for (let at = 0; at < chunk.length;) {
      const index = Math.floor((position + at) / row.length);
      const inRow = position + at - index * row.length;
      const count = Math.min(row.length - inRow, chunk.length - at);
      const [y, z] = [index % ny, Math.floor(index / ny) % nz];
      if (y % step[1] === 0 && z % step[2] === 0) {
        row.set(chunk.subarray(at, at + count), inRow);
        if (inRow + count === row.length) keepRow();
      }
      at += count;
    }
  };
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
  return toVolume(await readVoxels(file), options, file);
}

/** Stored numbers as a volume. @throws UserError naming `file` when the channel does not exist */
export function toVolume({ header, voxels }: RawVoxels, options: ReadOptions, file: string): NiftiVolume {
  const channel = options.channel ?? 0;
  if (channel !== 'all' && !(Number.isInteger(channel) && channel >= 0 && channel < header.channels)) {
    throw new UserError(`${file}: has no channel ${channel}: it has ${header.channels}, counted from 0`);
  }
  const first = channel === 'all' ? 0 : channel;
  const count = channel === 'all' ? header.channels : 1;
  // The stored ones are there already; they and the values of both orders are held at once.
  const values = voxelCount(header.size) * count;
  checkMemory(
    values * (header.datatype.bytes + (isScaled(header) ? 4 : 0)),
    file,
    `the values of ${claim(header)} would`,
  );
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

/** Whether values are other numbers than those that are stored. */
const isScaled = ({ slope, intercept, datatype }: NiftiHeader): boolean =>
  slope !== 1 || intercept !== 0 || datatype.name === 'float64';

function scaleStored(stored: VoxelArray, header: NiftiHeader): VoxelArray {
  const { slope, intercept } = header;
  if (!isScaled(header)) return stored;
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
