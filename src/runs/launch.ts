import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { writeFileAtomically } from '../files/atomic';
import { runFiles } from './files';
import { unlessLocked } from './lock';
import { sealFits, sealOf } from './seal';

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

const sealedFields = (launch: Launch): readonly unknown[] => [
  launch.configFile,
  launch.device,
  launch.host,
  launch.machine ?? '',
  launch.args ?? [],
  launch.resume ?? false,
  launch.pid ?? null,
  launch.pidStart ?? '',
  launch.startedAt ?? '',
];

/** @throws UserError when it cannot be written, or cannot be marked as this user's */
export async function writeLaunch(runDir: string, launch: Launch): Promise<void> {
  const seal = await sealOf(runDir, 'launch', sealedFields(launch));
  await writeFileAtomically(runFiles(runDir).launch, `${JSON.stringify({ ...launch, seal }, null, 2)}\n`);
}

/**
 * How a run is to be started, as this user's own programs have written it. Undefined for a run that was started by hand, whose
 * file is damaged, or whose file comes from elsewhere: nothing in that is ever executed.
 */
export async function readLaunch(runDir: string): Promise<Launch | undefined> {
  try {
    const value = parseJson(await readPlainText(runFiles(runDir).launch)) as (Launch & { seal?: unknown }) | null;
    if (typeof value?.device !== 'string' || typeof value.host !== 'string') return undefined;
    const { seal, ...launch } = value;
    return (await sealFits(seal, runDir, 'launch', sealedFields(launch))) ? launch : undefined;
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
