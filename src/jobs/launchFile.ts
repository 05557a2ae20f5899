import { open, readFile, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic';
import { processStartTime } from '../runs/process';

/**
 * `launch.json` in a run directory: how the run is to be started, and which process was started last. Written by whoever
 * starts the trainer, never by the trainer, so that the two cannot overwrite each other.
 */
export interface Launch {
  /** The config file the user chose; the run itself uses the copy in its directory. */
  readonly configFile: string;
  /** The device asked for, such as `auto`: what the queue counts by. */
  readonly device: string;
  readonly host: string;
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
  /** Goes on from the latest checkpoint. */
  readonly resume?: boolean;
  /** Set once the process was started. */
  readonly pid?: number;
  readonly pidStart?: string;
  readonly startedAt?: string;
}

const launchFile = (runDir: string): string => join(runDir, 'launch.json');
const lockFile = (runDir: string): string => join(runDir, 'launch.lock');

/** Everything that a trainer prints, for when it fails before it can write its log. */
export const outputFile = (runDir: string): string => join(runDir, 'output.txt');

export async function writeLaunch(runDir: string, launch: Launch): Promise<void> {
  await writeFileAtomically(launchFile(runDir), `${JSON.stringify(launch, null, 2)}\n`);
}

/** Undefined for a run that was started by hand, or whose file is damaged. */
export async function readLaunch(runDir: string): Promise<Launch | undefined> {
  try {
    const value = JSON.parse(await readFile(launchFile(runDir), 'utf8')) as Partial<Launch> | null;
    return typeof value?.device === 'string' && typeof value.host === 'string' ? (value as Launch) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that a launch names is alive on this machine. */
export async function launchIsAlive(launch: Launch): Promise<boolean> {
  if (launch.pid === undefined || launch.host !== hostname()) return false;
  const start = await processStartTime(launch.pid);
  return start !== undefined && (start === '' || !launch.pidStart || start === launch.pidStart);
}

const LOCK_LIFE_MS = 60_000;

/**
 * Runs `action` unless another window is starting the same run. A lock that a killed window left is taken after a minute.
 *
 * @returns whether it ran.
 */
export async function withLaunchLock(runDir: string, action: () => Promise<void>): Promise<boolean> {
  const file = lockFile(runDir);
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > LOCK_LIFE_MS) await unlink(file).catch(() => undefined);
  const handle = await open(file, 'wx').catch(() => undefined);
  if (!handle) return false;
  try {
    await action();
    return true;
  } finally {
    await handle.close();
    await unlink(file).catch(() => undefined);
  }
}
