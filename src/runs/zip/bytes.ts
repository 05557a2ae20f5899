import type { FileHandle } from 'node:fs/promises';
import { fileError, UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';

const CHUNK_BYTES = 1 << 26;

/**
 * Reads a range of a file.
 *
 * @throws UserError naming the file when it ends before the range does, or the range does not fit in memory
 */
export async function readRange(handle: FileHandle, file: string, begin: number, length: number): Promise<Uint8Array> {
  checkMemory(length, file, 'a part of it would');
  try {
    const bytes = new Uint8Array(new ArrayBuffer(length));
    for (let at = 0; at < length;) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(CHUNK_BYTES, length - at), begin + at);
      if (bytesRead === 0) throw new UserError(`${file}: the file is cut short; copy or download it again`);
      at += bytesRead;
    }
    return bytes;
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${file}: a part of ${length} bytes is too large to read`);
    throw fileError(error, file, 'read the file');
  }
}
