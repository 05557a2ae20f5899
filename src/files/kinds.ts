import { stat } from 'node:fs/promises';

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
