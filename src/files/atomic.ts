import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, UserError, WriteError } from '../errors/userError';
import { makeFolder } from './folders';
import { refuseSpecialFile } from './kinds';
import { removeStaleOnce, whileOpen } from './temporary';
import { temporaryName } from './temporaryName';

async function syncDirectory(directory: string): Promise<void> {
  // Makes the rename itself durable; not every platform lets a directory be opened.
  const handle = await open(directory, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function writeAndRename(
  temporary: string,
  file: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  let handle: FileHandle | undefined;
  try {
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
    throw error;
  }
}

/**
 * Writes a file so that readers and a crash see the old content or the new, never a part: the content goes to a
 * temporary name in the same folder, is synced, and renamed. On any error, and where a signal ends a program, the temporary file is
 * removed; what a kill left in the folder is removed at the next write.
 *
 * @param write receives the open handle and writes the content in order.
 * @throws UserError naming `file` when the disk is full or the folder cannot be written.
 */
export async function writeAtomically(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    await refuseSpecialFile(file);
    await makeFolder(dirname(file));
    await removeStaleOnce(dirname(file));
    const temporary = await temporaryName(file);
    await whileOpen(temporary, () => writeAndRename(temporary, file, write));
  } catch (error) {
    if (error instanceof UserError) throw error;
    const failure = fileError(error, file, 'write the file');
    throw failure instanceof UserError ? new WriteError(failure.message, { cause: error }) : failure;
  }
}

/** {@link writeAtomically} for content that is already in memory. */
export async function writeFileAtomically(file: string, content: string | Uint8Array): Promise<void> {
  await writeAtomically(file, async (handle) => {
    await handle.writeFile(content);
  });
}
