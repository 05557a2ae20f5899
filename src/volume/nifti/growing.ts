import type { VoxelArray } from '../types';
import { readParts, readRange, type RangeRead } from './bytes';
import { numbersOf } from '../../formats/numbers';
import { storedAsRead } from './datatypes';
import type { NiftiHeader } from './header';

/** Planes that are read before all others, of a file in which they can be: a volume reduced along one axis. */
const FIRST_PLANES = 32;
/** Smaller files are read in one go. */
const SMALL = 1 << 24;

/** A file's voxels while they are read. */
export interface GrowingVoxels {
  readonly header: NiftiHeader;
  /** As they will be when all is read, 0 where nothing was read yet; none when the stored numbers are converted at the end. */
  readonly voxels: VoxelArray | undefined;
  /** For each plane of the file (third axis fastest, then channels) whether all of it is there. */
  readonly planes: Uint8Array;
  /** Of the bytes, 0 to 1. */
  share: number;
}

/**
 * Fills `bytes` with a file's voxels. Of a file that is not compressed some planes are read first, spread over the volume.
 *
 * @param onStart gets what is filled.
 * @throws UserError naming `file` when it is shorter, or damaged.
 */
export async function growVoxels(
  file: string,
  header: NiftiHeader,
  bytes: ArrayBuffer,
  onStart?: (growing: GrowingVoxels) => void,
): Promise<RangeRead> {
  const { compressed, voxelOffset, size, channels, datatype, littleEndian } = header;
  const target = new Uint8Array(bytes);
  if (!onStart) return readRange(file, compressed, voxelOffset, target);
  const planeBytes = size[0] * size[1] * datatype.bytes;
  const growing: GrowingVoxels = {
    header,
    voxels: storedAsRead(datatype, littleEndian) ? numbersOf(bytes, datatype.name, littleEndian, file) : undefined,
    planes: new Uint8Array(size[2] * channels),
    share: 0,
  };
  onStart(growing);
  if (!compressed && target.length > SMALL) {
    const parts = firstPlanes(size[2]).map((plane) => [plane * planeBytes, (plane + 1) * planeBytes] as const);
    await readParts(file, voxelOffset, target, parts, (from) => (growing.planes[from / planeBytes] = 1));
  }
  let whole = 0;
  return readRange(file, compressed, voxelOffset, target, (filled) => {
    growing.share = filled / target.length;
    const now = Math.floor(filled / planeBytes);
    growing.planes.fill(1, whole, now);
    whole = now;
  });
}

/** Evenly spread, the middle one first: it is what is looked at. */
function firstPlanes(depth: number): number[] {
  const step = Math.max(1, Math.ceil(depth / FIRST_PLANES));
  const middle = Math.floor(depth / 2);
  const all = Array.from({ length: depth }, (_, plane) => plane).filter((plane) => (plane - middle) % step === 0);
  return all.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
}
