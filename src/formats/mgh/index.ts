import { UserError } from '../../errors/userError';
import { affineOf } from '../arrange';
import { checkLength, fileLength, inflate, MAX_GZIP_RATIO, readBytes } from '../fileBytes';
import { bytesOf, decodeNumbers } from '../numbers';
import type { FormatHeader, OpenedFile, VoxelType } from '../types';

/** Bytes before the voxels (https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat). */
const OFFSET = 284;

const TYPES: Record<number, VoxelType> = { 0: 'uint8', 1: 'int32', 3: 'float32', 4: 'int16', 10: 'uint16' };

interface Parsed {
  readonly size: readonly [number, number, number];
  readonly frames: number;
  readonly type: VoxelType;
  readonly affine: Float64Array;
  readonly placed: boolean;
}

function parse(bytes: Buffer, file: string): Parsed {
  if (bytes.length < OFFSET) throw new UserError(`${file}: truncated: the file ends inside the MGH header`);
  const int = (index: number): number => bytes.readInt32BE(index * 4);
  const [nx, ny, nz, frames] = [int(1), int(2), int(3), int(4)];
  if ([nx, ny, nz, frames].some((n) => n < 1))
    throw new UserError(
      `${file}: sizes ${nx}×${ny}×${nz}, ${frames} frames in the MGH header make no sense: the file is damaged`,
    );
  const type = TYPES[int(5)];
  if (!type)
    throw new UserError(
      `${file}: voxels of MGH type ${int(5)} cannot be read; uint8, int16, uint16, int32 and float32 can`,
    );
  const placed = bytes.readInt16BE(28) > 0;
  const reals = Array.from({ length: 15 }, (_, i) => bytes.readFloatBE(30 + 4 * i));
  // FreeSurfer's default where the file does not say: coronal slices of 1 mm.
  const values = placed ? reals : [1, 1, 1, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0];
  const columns = [0, 1, 2].map((axis) => [0, 1, 2].map((row) => values[3 + 3 * axis + row]! * values[axis]!));
  const size = [nx, ny, nz] as const;
  const centre = values.slice(12);
  const origin = [0, 1, 2].map(
    (row) => centre[row]! - columns.reduce((sum, column, axis) => sum + (column[row]! * size[axis]!) / 2, 0),
  );
  return { size, frames, type, affine: affineOf(columns, origin), placed };
}

/**
 * Opens an MGH file or its compressed form, MGZ.
 *
 * @throws UserError naming the file
 */
export async function openMgh(file: string): Promise<OpenedFile> {
  const start = await readBytes(file, 0, 1 << 16);
  const compressed = start[0] === 0x1f && start[1] === 0x8b;
  const { size, frames, type, affine, placed } = parse(compressed ? await startOf(start, file) : start, file);
  const expected = size[0] * size[1] * size[2] * frames * bytesOf(type);
  const length = await fileLength(file);
  checkLength(compressed ? length * MAX_GZIP_RATIO : length - OFFSET, expected, file);
  const header: FormatHeader = {
    name: 'mgh',
    format: compressed ? 'MGZ' : 'MGH',
    affineFrom: placed ? 'direction cosines' : 'default of FreeSurfer',
    size,
    channels: frames,
    type,
    littleEndian: false,
    compressed,
    slope: 1,
    intercept: 0,
    affine,
    description: '',
    warnings: [
      ...(placed ? [] : ['the header says that its position is not valid: coronal slices of 1 mm are assumed']),
      ...(frames > 1 ? [`a 4-D file: its ${frames} frames are read as channels`] : []),
    ],
  };
  const read = async () => {
    const bytes = await readBytes(file);
    const plain = compressed ? await inflate(bytes, OFFSET + expected, file) : bytes;
    checkLength(plain.length - OFFSET, expected, file);
    return decodeNumbers(plain.subarray(OFFSET, OFFSET + expected), type, false, file);
  };
  return { header, read };
}

async function startOf(start: Buffer, file: string): Promise<Buffer> {
  const { constants, gunzipSync } = await import('node:zlib');
  try {
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new UserError(`${file}: the gzip data is damaged: copy or download the file again`, 1, { cause: error });
  }
}
