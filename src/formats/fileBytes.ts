import { constants as bufferConstants } from 'node:buffer';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, unzip } from 'node:zlib';
import { UserError, fileError } from '../errors/userError';
import { checkMemory } from '../files/memory';
import { regularFile } from '../files/regular';
import { formatBytes } from '../text';

/** Bytes behind the voxels that are tolerated in compressed data. */
const TRAILING = 1 << 24;
const CHUNK = 1 << 24;

/** @throws UserError naming `file` when it is missing or no regular file */
export async function fileLength(file: string): Promise<number> {
  const status = await regularFile(file);
  if (status.isDirectory()) throw new UserError(`${file}: is a folder, not a file`);
  return status.size;
}

/** Bytes from `start` on, `length` of them or as many as there are. @throws UserError naming `file` */
export async function readBytes(file: string, start = 0, length = Infinity): Promise<Buffer> {
  const size = Math.min(Math.max((await fileLength(file)) - start, 0), length);
  checkMemory(size, file, `${formatBytes(size)} of it would`);
  const bytes = Buffer.from(new ArrayBuffer(size));
  let filled = 0;
  try {
    const handle = await open(file, 'r');
    try {
      while (filled < size) {
        const { bytesRead } = await handle.read(bytes, filled, Math.min(CHUNK, size - filled), start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file, 'read the file');
  }
  return bytes.subarray(0, filled);
}

/** No gzip or zlib data inflates to more than this times its length. */
export const MAX_GZIP_RATIO = 1040;

/**
 * Refuses a header that claims more than compressed data can hold, or than fits into memory, before anything is allocated.
 *
 * @throws UserError naming `file` and the figures
 */
export function checkInflates(compressed: number, expected: number, file: string): void {
  if (!(expected <= compressed * MAX_GZIP_RATIO + TRAILING))
    throw new UserError(
      `${file}: truncated: the header claims ${formatBytes(expected)} of voxels, and the compressed data has ${formatBytes(compressed)}`,
    );
  // What is inflated comes in pieces, which are then joined.
  checkMemory(2 * expected, file, `its ${formatBytes(expected)} of voxels would`);
}

/**
 * Inflates gzip or zlib data of which about `expected` bytes are wanted.
 *
 * @throws UserError naming `file` when the data is damaged, ends too early or goes on far beyond what is wanted
 */
export async function inflate(data: Uint8Array, expected: number, file: string): Promise<Buffer> {
  checkInflates(data.length, expected, file);
  const gzip = data[0] === 0x1f && data[1] === 0x8b;
  const maxOutputLength = Math.min(bufferConstants.MAX_LENGTH, expected + TRAILING);
  try {
    return await promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gzip ? gunzip : unzip)(data, {
      maxOutputLength,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR')
      throw new UserError(`${file}: truncated: the compressed data ends too early`, 1, { cause: error });
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw new UserError(`${file}: the compressed data holds more than the header says (${expected} bytes expected)`);
    throw new UserError(`${file}: the compressed data is damaged: copy or download the file again`, 1, {
      cause: error,
    });
  }
}

/** @throws UserError naming `file` when fewer than `expected` bytes of voxels are there */
export function checkLength(found: number, expected: number, file: string): void {
  if (found < expected)
    throw new UserError(`${file}: truncated: ${expected} bytes of voxels expected, ${Math.max(0, found)} found`);
}

/** A volume has one data file a slice at most. */
const MOST_FILES = 100_000;

/** @throws UserError naming `file` when a header names more data files than any volume has */
export function checkFileCount(count: number, file: string): void {
  if (!(count <= MOST_FILES)) throw new UserError(`${file}: the header names ${count} data files: it is damaged`);
}

/** JavaScript holds no longer text. */
const MOST_TEXT = bufferConstants.MAX_STRING_LENGTH;

/** @throws UserError naming `file` when numbers written as text are too few by their length, or too many to be read so */
export function checkText(bytes: Uint8Array, least: number, file: string): void {
  if (!(bytes.length >= least))
    throw new UserError(`${file}: truncated: ${least} characters of voxels at least expected, ${bytes.length} found`);
  if (bytes.length > MOST_TEXT)
    throw new UserError(
      `${file}: ${formatBytes(bytes.length)} of voxels written as text are too many: save it in binary`,
    );
}

/** A printf pattern with one number: `slice%03d.raw`. */
export function numbered(pattern: string, value: number): string {
  return pattern.replace(/%(0?)(\d{0,2})d/, (_, zero: string, width: string) =>
    String(value).padStart(Number(width || 0), zero ? '0' : ' '),
  );
}

/** The length of a file that a header names. @throws UserError naming both when it is missing */
export async function dataFileLength(dataFile: string, header: string): Promise<number> {
  return fileLength(dataFile).catch((error: unknown) => {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw error;
    throw new UserError(`${dataFile}: the data file is missing: ${header} names it`, 1, { cause: error });
  });
}
