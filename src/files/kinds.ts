import { stat } from 'node:fs/promises';
import { UsageError } from '../errors/userError';

/** Whether something has this path; links are followed. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether a path is that of a regular file; links are followed. */
export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isFile(),
    () => false,
  );

/** Whether a path is that of a folder; links are followed. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );

/** The first of some paths that has something. */
export async function firstExisting(paths: Iterable<string>): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

/**
 * Refuses a path that cannot become a file: a folder, a device, a pipe or a socket lies there. A rename would replace a device.
 *
 * @throws UsageError
 */
export async function refuseSpecialFile(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (!status || status.isFile()) return;
  throw new UsageError(
    `${path}: is ${status.isDirectory() ? 'a folder' : 'a device or a pipe'}, not a file to write to`,
  );
}
