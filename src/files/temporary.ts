import { rmSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { BroadcastChannel, isMainThread, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { ExitCode } from '../errors/userError';
import { processStartTime } from '../machine/process';
import { diskNow } from './diskClock';
import { OLDER_NAME, OWN_NAME, temporaryName, thisMaker } from './temporaryName';

/** What nobody of this machine can know to be dead is given up after so long without a change. */
const GIVEN_UP_MS = 7 * 24 * 3_600_000;

export interface Sweep {
  /** Nobody but this process may write into the folder: what others began there is over. */
  readonly owned?: boolean;
  /** The folder is this program's own, so that names of earlier versions are known as well. */
  readonly older?: boolean;
  /** Names of earlier versions, which do not tell their machine, are taken for this machine's. */
  readonly olderHere?: boolean;
}

const hasEnded = async (pid: number): Promise<boolean> =>
  pid !== process.pid && (await processStartTime(pid)) === undefined;

/** Whether what made a temporary name has ended for certain. */
async function isStale(file: string, { owned, olderHere }: Sweep): Promise<boolean> {
  const [, machine, boot, namespace, pid] = OWN_NAME.exec(file) ?? [];
  const own = await thisMaker();
  if (machine === own.machine && boot !== own.boot) return true;
  if (machine === own.machine && namespace === own.namespace) {
    return hasEnded(Number(pid));
  }
  if (owned) return true;
  if (machine === undefined && olderHere) return hasEnded(Number(OLDER_NAME.exec(file)![1]));
  const [info, now] = [await stat(file).catch(() => undefined), await diskNow(dirname(file))];
  return info !== undefined && now !== undefined && now - info.mtimeMs > GIVEN_UP_MS;
}

/** Whether a name is one that this program writes to before it renames. @param older also as earlier versions named them */
export const isTemporary = (name: string, older = false): boolean =>
  OWN_NAME.test(name) || (older && OLDER_NAME.test(name));

/**
 * Removes what was being written in a folder by processes that have ended: on this machine, or before it was started anew. What
 * another machine writes is left alone for a week. What cannot be removed costs space and nothing else.
 */
export async function removeStale(folder: string, sweep: Sweep = {}): Promise<void> {
  const { owned = false, older = owned } = sweep;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => isTemporary(one, older))) {
    const path = join(folder, name);
    if (await isStale(path, sweep)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

const swept = new Set<string>();

/** {@link removeStale}, once for each folder and thread. */
export async function removeStaleOnce(folder: string): Promise<void> {
  if (swept.has(folder)) return;
  swept.add(folder);
  await removeStale(folder);
}

/** A temporary file or folder that a thread begins or has done with. */
interface Told {
  readonly path: string;
  readonly begin: boolean;
}

/** What is being written at the moment, by threads as well where this is a program. */
const open = new Set<string>();

let channel: BroadcastChannel | undefined;

/** Connects the threads of this process: one that is ended runs no handlers, so that the program removes what it was writing. */
function connected(): BroadcastChannel {
  if (channel) return channel;
  channel = new BroadcastChannel('voco: what is being written');
  channel.unref();
  return channel;
}

/** What threads have told since this one last listened. */
function* told(): Generator<Told> {
  // Its types leave out that it takes a BroadcastChannel, too.
  const port = channel as unknown as MessagePort | undefined;
  for (let one = port && receiveMessageOnPort(port); one; one = receiveMessageOnPort(port!)) yield one.message as Told;
}

function removeOpen(): void {
  for (const one of told()) note(one);
  for (const path of open) rmSync(path, { recursive: true, force: true });
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let onSignals = false;

function onSignal(signal: NodeJS.Signals): void {
  // Whoever else listens ends the process in its own way.
  if (process.listenerCount(signal) === 1) process.exit(ExitCode.interrupted);
}

function watch(begin: boolean): void {
  if (begin) process.on('exit', removeOpen);
  else process.off('exit', removeOpen);
  if (!onSignals) return;
  for (const signal of SIGNALS) {
    if (begin) process.on(signal, onSignal);
    else process.off(signal, onSignal);
  }
}

function note({ path, begin }: Told): void {
  const before = open.size;
  if (begin) open.add(path);
  else open.delete(path);
  if ((before === 0) !== (open.size === 0)) watch(begin);
}

/** Lets a signal that ends this process first remove what is being written. For programs; an extension's host ends in its own way. */
export function removeOnSignals(): void {
  onSignals = true;
  connected().onmessage = (event) => note((event as { data: Told }).data);
  // Also for what a thread has just told.
  process.on('exit', removeOpen);
}

/** Does something with a temporary file or folder, which is also removed when the process is ended by a signal meanwhile. */
export async function whileOpen<T>(path: string, work: () => Promise<T>): Promise<T> {
  const tell = (one: Told): void => {
    note(one);
    if (!isMainThread) connected().postMessage(one);
  };
  tell({ path, begin: true });
  try {
    return await work();
  } finally {
    tell({ path, begin: false });
  }
}

/** Does something with a folder of its own in the system's folder for temporary files, which is then removed. */
export async function withTemporaryFolder<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  await removeStaleOnce(tmpdir());
  const folder = await temporaryName(join(tmpdir(), name));
  return whileOpen(folder, async () => {
    await mkdir(folder);
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
