import { open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, UserError } from '../errors/userError';
import { diskNow } from '../files/diskClock';

/** A lock is held for the time of a small read and write: an older one was left behind by a process that died. */
const STALE_MS = 10_000;
const RETRY_MS = 20;
const PATIENCE_MS = 30_000;

async function tryLock(file: string): Promise<boolean> {
  try {
    await (await open(file, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(error, file, 'lock the run');
  }
}

async function removeStale(file: string, afterMs: number): Promise<void> {
  const info = await stat(file).catch(() => undefined);
  const now = info && (await diskNow(dirname(file)));
  // A clock that was set back leaves locks of the future.
  if (info && now !== undefined && Math.abs(now - info.mtimeMs) > afterMs) await unlink(file).catch(() => undefined);
}

/**
 * Does something short while no other process does the same with the same lock file.
 *
 * @param file made for the time of the work; its folder must exist.
 * @throws UserError when the file cannot be made, or another process does not let go of it.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await tryLock(file))) {
    if (performance.now() > deadline)
      throw new UserError(`${file}: another process holds this lock; delete the file if no such process is running`);
    await removeStale(file, STALE_MS);
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await unlink(file).catch(() => undefined);
  }
}

/**
 * Does something unless another process holds the lock.
 *
 * @param staleMs a lock older than this was left behind by a process that died.
 * @returns whether it was done; also false where the lock file cannot be made.
 */
export async function unlessLocked(file: string, staleMs: number, work: () => Promise<void>): Promise<boolean> {
  await removeStale(file, staleMs);
  if (!(await tryLock(file).catch(() => false))) return false;
  try {
    await work();
    return true;
  } finally {
    await unlink(file).catch(() => undefined);
  }
}
