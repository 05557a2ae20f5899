import { constants as bufferConstants } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, unzip } from 'node:zlib';
import { UserError, fileError } from '../errors/userError';

/** Bytes behind the voxels that are tolerated in compressed data. */
const TRAILING = 1 << 24;
const CHUNK = 1 << 24;

/** @throws UserError naming `file` when it is missing or no regular file */
export async function fileLength(file: string): Promise<number> {
  try {
    const status = await stat(file);
    // A pipe or device could block for ever.
    if (!status.isFile()) throw new UserError(`${file}: is not a regular file`);
    return status.size;
  } catch (error) {
    throw fileError(error, file, 'read the file');
  }
}

/** Bytes from `start` on, `length` of them or as many as there are. @throws UserError naming `file` */
export async function readBytes(file: string, start = 0, length = Infinity): Promise<Buffer> {
  const size = Math.min(Math.max((await fileLength(file)) - start, 0), length);
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

/**
 * Inflates gzip or zlib data of which about `expected` bytes are wanted.
 *
 * @throws UserError naming `file` when the data is damaged, ends too early or goes on far beyond what is wanted
 */
export async function inflate(data: Uint8Array, expected: number, file: string): Promise<Buffer> {
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

/** A printf pattern with one number: `slice%03d.raw`. */
export function numbered(pattern: string, value: number): string {
  return pattern.replace(/%(0?)(\d*)d/, (_, zero: string, width: string) =>
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
