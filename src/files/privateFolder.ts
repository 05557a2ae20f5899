import { chmod, lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileError, UserError } from '../errors/userError';
import { makeFolder } from './folders';

/**
 * The folder of what VoCo keeps for this user from one program to the next: `VOCO_STATE_DIR`, else `voco` in the user's folder
 * for such things. Nodes of a cluster that share the home share it.
 */
export function stateFolder(): string {
  if (process.env.VOCO_STATE_DIR) return resolve(process.env.VOCO_STATE_DIR);
  const base =
    process.env.XDG_STATE_HOME ??
    (process.platform === 'darwin'
      ? join(homedir(), 'Library', 'Application Support')
      : process.platform === 'win32'
        ? (process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
        : join(homedir(), '.local', 'state'));
  return join(base, 'voco');
}

/** Whether only this user can reach what a path names, which is no link. Windows keeps that by the folder it lies in. */
export async function isPrivate(path: string, kind: 'file' | 'folder'): Promise<boolean> {
  const info = await lstat(path).catch(() => undefined);
  if (!info || !(kind === 'file' ? info.isFile() : info.isDirectory())) return false;
  return process.platform === 'win32' || (info.uid === process.getuid!() && (info.mode & 0o077) === 0);
}

/**
 * Makes a folder that this user alone can look into.
 *
 * @throws UserError when it cannot be made, or belongs to somebody else.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder, 0o700);
    const info = await lstat(folder);
    // One of ours that is open to others is closed; what was put into it before is not trusted by its name.
    if (info.isDirectory() && info.uid === process.getuid?.()) await chmod(folder, 0o700);
  } catch (error) {
    throw fileError(error, folder, 'make the folder');
  }
  if (!(await isPrivate(folder, 'folder')))
    throw new UserError(`${folder}: belongs to another user, or is a link: remove it, or set VOCO_STATE_DIR`);
}
