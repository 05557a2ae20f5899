import { createHash } from 'node:crypto';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { isPrivate, makePrivateFolder, stateFolder } from '../files/privateFolder';
import { runFiles } from './files';

/** Socket paths may have 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH = 100;

const fits = (path: string): boolean => Buffer.byteLength(path) <= MAX_SOCKET_PATH;

/** Of the same directory on two nodes with one home each has its own. */
function nameOf(runDir: string): string {
  const key = createHash('sha256')
    .update(`${hostname()}\0${resolve(runDir)}`)
    .digest('hex')
    .slice(0, 24);
  return process.platform === 'win32' ? `voco-${key}` : `voco-${key}.sock`;
}

const pipeOf = (runDir: string): string => `\\\\.\\pipe\\${nameOf(runDir)}`;

/** Folders of this user alone for sockets whose run directory has too long a path, or lies on a disk that has no sockets. */
function privateFolders(): string[] {
  const uid = process.getuid?.() ?? 0;
  return [join(stateFolder(), 'sockets'), join(tmpdir(), `voco-${uid}`)];
}

/** Where a run's control socket may lie, the best place first; none where all paths are too long. */
export function controlAddresses(runDir: string): string[] {
  if (process.platform === 'win32') return [pipeOf(runDir)];
  const direct = runFiles(resolve(runDir)).controlSocket;
  return [direct, ...privateFolders().map((folder) => join(folder, nameOf(runDir)))].filter(fits);
}

/**
 * Address of a run's control socket: `control.sock` in the run directory; where that path is too long for a socket, one in a
 * private folder of the user; a named pipe on Windows.
 */
export function controlAddress(runDir: string): string {
  return controlAddresses(runDir)[0] ?? join(tmpdir(), nameOf(runDir));
}

/** Makes the folder of an address outside the run directory a private one. @throws UserError where it is somebody else's */
export async function prepareAddress(runDir: string, address: string): Promise<void> {
  const own = process.platform === 'win32' || dirname(address) === resolve(runDir);
  if (!own) await makePrivateFolder(dirname(address));
}

/**
 * Whether an address that run.json tells is one that a trainer of this run can have chosen: in its directory, or in a folder that
 * only this user can write into.
 */
export async function isAddressOf(runDir: string, address: string): Promise<boolean> {
  if (process.platform === 'win32') return address === pipeOf(runDir);
  if (address === runFiles(resolve(runDir)).controlSocket) return true;
  return basename(address) === nameOf(runDir) && (await isPrivate(dirname(address), 'folder'));
}
