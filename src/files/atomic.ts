import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError } from '../errors/userError';
import { makeFolder } from './folders';
import { refuseSpecialFile } from './kinds';

let counter = 0;

/** A name beside a file that nobody else uses: what is left under such a name may be removed. */
export function temporaryName(file: string): string {
  counter += 1;
  return `${file}.${process.pid}-${counter}.tmp`;
}

async function syncDirectory(directory: string): Promise<void> {
  // Makes the rename itself durable; not every platform lets a directory be opened.
  const handle = await open(directory, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/**
 * Writes a file so that readers and a crash see the old content or the new, never a part: the content goes to a
 * temporary name in the same folder, is synced, and renamed. On any error the temporary file is removed.
 *
 * @param write receives the open handle and writes the content in order.
 * @throws UserError naming `file` when the disk is full or the folder cannot be written.
 */
export async function writeAtomically(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const temporary = temporaryName(file);
  let handle: FileHandle | undefined;
  try {
    await refuseSpecialFile(file);
    await makeFolder(dirname(file));
    handle = await open(temporary, 'wx');
    await write(handle);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, file);
    await syncDirectory(dirname(file));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw fileError(error, file, 'write the file');
  }
}

/** {@link writeAtomically} for content that is already in memory. */
export async function writeFileAtomically(file: string, content: string | Uint8Array): Promise<void> {
  await writeAtomically(file, async (handle) => {
    await handle.writeFile(content);
  });
}
