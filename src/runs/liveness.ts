import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskNow } from '../files/diskClock';
import { isHere, type Place } from '../machine/place';
import { filesOfLife, signOfLife } from './ownership';
import { processStartTime } from '../machine/process';
import type { Launch } from './launch';
import type { RunPhase, RunState } from './runDirectory';

/** A run on another machine that has given no sign for so long, by the clock of the one that looks, counts as lost. */
export const SILENCE_LIMIT_MS = 90_000;

/** How long is looked for signs before a run of another machine is gone on with. */
export const WATCH_MS = 12_000;

const ACTIVE: readonly RunPhase[] = ['starting', 'running', 'pausing', 'paused', 'stopping'];

/** Whether run.json says that a process works on the run. */
export const saysActive = (state: RunState): boolean => ACTIVE.includes(state.state);

/** A process as a run directory names it. */
export interface NamedProcess {
  readonly pid?: number;
  /** When it started (see processStartTime); absent or empty where the system did not tell. */
  readonly pidStart?: string;
}

/** Whether a process of this machine lives and is the one that was meant, not a later one of the same number. */
export async function processIsAlive({ pid, pidStart }: NamedProcess): Promise<boolean> {
  if (pid === undefined) return false;
  const start = await processStartTime(pid);
  return start !== undefined && (!pidStart || start === '' || start === pidStart);
}

/** No clock of a node is off by so much: a heartbeat that is older was copied with its run. */
const COPIED_MS = 24 * 3_600_000;

/** Milliseconds since something was written that a living process writes, by the clock of the disk; 0 where it cannot be asked. */
async function silenceOnDisk(runDir: string, heartbeat: string | undefined): Promise<number> {
  const now = await diskNow(runDir);
  if (now === undefined) return 0;
  const beat = now - Date.parse(heartbeat ?? '');
  if (beat > COPIED_MS) return beat;
  const times = (await filesOfLife(runDir)).map((file) => stat(file).then((info) => info.mtimeMs));
  const written = (await Promise.allSettled(times)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  return written.length === 0 ? 0 : Math.max(0, now - Math.max(...written));
}

/**
 * Whether the process of a run lives, as far as one look can tell: on this machine by its number and start time; elsewhere by
 * when it wrote last. A queued run has no process yet, and one that ended has none any more.
 */
export async function isAlive(runDir: string, state: RunState): Promise<boolean> {
  if (!saysActive(state)) return false;
  if (!(await isHere(state))) return (await silenceOnDisk(runDir, state.heartbeat)) < SILENCE_LIMIT_MS;
  return processIsAlive(state);
}

interface Seen {
  readonly sign: string;
  /** When the sign was seen first, in milliseconds of this process. */
  readonly since: number;
}

/**
 * Remembers signs of life of runs on other machines. How long one has been silent is told by the clock of the disk at the first
 * look, and by that of this process from then on; clocks of two machines are never compared.
 */
export class LifeSigns {
  private readonly seen = new Map<string, Seen>();

  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** Milliseconds since a run has given a sign of life. */
  async silence(runDir: string, state: RunState): Promise<number> {
    const sign = await signOfLife(runDir, state.heartbeat);
    const before = this.seen.get(runDir);
    if (before?.sign === sign) return this.clock() - before.since;
    const silent = before ? 0 : await silenceOnDisk(runDir, state.heartbeat);
    this.seen.set(runDir, { sign, since: this.clock() - silent });
    return silent;
  }

  forget(runDir: string): void {
    this.seen.delete(runDir);
  }
}

/**
 * Looks at a run of another machine for a while.
 *
 * @returns whether it gave a sign of life
 */
export async function givesSigns(
  runDir: string,
  watchMs: number,
  heartbeatOf: () => Promise<string | undefined>,
): Promise<boolean> {
  const first = await signOfLife(runDir, await heartbeatOf());
  for (const end = performance.now() + watchMs; performance.now() < end;) {
    await sleep(Math.min(1000, watchMs / 4));
    if ((await signOfLife(runDir, await heartbeatOf())) !== first) return true;
  }
  return false;
}

/** Whether the process that was started last from a window is alive on this machine. */
export async function launchIsAlive(launch: Launch): Promise<boolean> {
  return (await isHere(launch)) && (await processIsAlive(launch));
}

/** The process of a run on this machine, by its state or else by its launch; undefined where none lives. */
export async function livingProcess(
  state: NamedProcess & Place,
  launch: Launch | undefined,
): Promise<number | undefined> {
  if ((await isHere(state)) && (await processIsAlive(state))) return state.pid;
  return launch && (await launchIsAlive(launch)) ? launch.pid : undefined;
}
