import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What is there must be a folder. */
async function refuseOther(path: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) throw Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' });
}

/**
 * Makes a folder and those above it that are missing, with the given permissions. Node's own recursive `mkdir` tries for ever where a folder can be listed but
 * nothing can be made in it, as in `/proc`.
 *
 * @throws the error of the system, of the first folder that cannot be made
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return refuseOther(folder);
    const above = dirname(folder);
    if (code !== 'ENOENT' || above === folder) throw error;
    await makeFolder(above, mode);
    await mkdir(folder, { mode }).catch((again: NodeJS.ErrnoException) => {
      // Another process may have made it in between.
      if (again.code === 'EEXIST') return refuseOther(folder);
      throw again;
    });
  }
}
