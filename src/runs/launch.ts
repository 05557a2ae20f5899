import { readFile } from 'node:fs/promises';
import { writeFileAtomically } from '../files/atomic';
import { runFiles } from './files';
import { unlessLocked } from './lock';

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
  /** See thisMachine. */
  readonly machine?: string;
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
  /** Goes on from the latest checkpoint. */
  readonly resume?: boolean;
  /** Set once the process was started. */
  readonly pid?: number;
  readonly pidStart?: string;
  readonly startedAt?: string;
}

export async function writeLaunch(runDir: string, launch: Launch): Promise<void> {
  await writeFileAtomically(runFiles(runDir).launch, `${JSON.stringify(launch, null, 2)}\n`);
}

/** Undefined for a run that was started by hand, or whose file is damaged. */
export async function readLaunch(runDir: string): Promise<Launch | undefined> {
  try {
    const value = JSON.parse(await readFile(runFiles(runDir).launch, 'utf8')) as Partial<Launch> | null;
    return typeof value?.device === 'string' && typeof value.host === 'string' ? (value as Launch) : undefined;
  } catch {
    return undefined;
  }
}

const LOCK_LIFE_MS = 60_000;

/**
 * Runs `action` unless another window is starting the same run. A lock that a killed window left is taken after a minute.
 *
 * @returns whether it ran.
 */
export function withLaunchLock(runDir: string, action: () => Promise<void>): Promise<boolean> {
  return unlessLocked(runFiles(runDir).launchLock, LOCK_LIFE_MS, action);
}
