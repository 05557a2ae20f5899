import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isAlive, readRunState, runFiles, runLabel, type RunPhase, type RunState } from '../runs/runDirectory';
import { launchIsAlive, outputFile, readLaunch, type Launch } from './launchFile';

/** A run as lists show it: what its directory says, and whether its process is really there. */
export interface RunSummary {
  readonly dir: string;
  readonly label: string;
  readonly state: RunState;
  /** The state to show: a run whose process is gone without having said so has failed. */
  readonly phase: RunPhase;
  /** The trainer is alive, here or elsewhere. */
  readonly live: boolean;
  /** The trainer runs, or would run, on this machine, so that it can be controlled from here. */
  readonly here: boolean;
  /** One line: why it failed or stopped. */
  readonly reason?: string;
  readonly launch?: Launch;
}

const ENDED: readonly RunPhase[] = ['finished', 'failed', 'interrupted'];

export const hasEnded = (run: RunSummary): boolean => ENDED.includes(run.phase);

/** A process needs a moment between being started and its first sign of life. */
const START_GRACE_MS = 15_000;

async function isStarting(state: RunState, launch: Launch | undefined): Promise<boolean> {
  if (state.state !== 'starting' || !launch) return false;
  if (launch.pid !== undefined) return launchIsAlive(launch);
  return Date.now() - Date.parse(launch.startedAt ?? state.created) < START_GRACE_MS;
}

/**
 * What is known of the run in a directory.
 *
 * @throws UserError when run.json is missing or malformed.
 */
export async function summarizeRun(dir: string): Promise<RunSummary> {
  const [state, launch] = await Promise.all([readRunState(dir), readLaunch(dir)]);
  const live = (await isAlive(state)) || (await isStarting(state, launch));
  const ended = ENDED.includes(state.state) || state.state === 'queued';
  const lost = !live && !ended;
  const host = state.host ?? launch?.host;
  const reason = lost ? await reasonOfDeath(dir, state) : state.exitReason;
  return {
    dir,
    label: runLabel(dir),
    state,
    phase: lost ? 'failed' : state.state,
    live,
    here: host === undefined || host === hostname(),
    ...(reason !== undefined && { reason }),
    ...(launch && { launch }),
  };
}

async function reasonOfDeath(dir: string, state: RunState): Promise<string> {
  const where = state.host === undefined || state.host === hostname() ? '' : ` on ${state.host}`;
  // What the process printed last is the nearest there is to a reason.
  const last = (await lastLines(outputFile(dir), 1))[0];
  return `the trainer ended unexpectedly${where} at step ${state.step}${last ? `: ${last}` : ''}`;
}

const TAIL_BYTES = 16 * 1024;

/** The last lines of a text file that are not empty, at most `count`; none when there is no file. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return [];
  try {
    const { size } = await handle.stat();
    const length = Math.min(TAIL_BYTES, size);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString('utf8', 0, bytesRead).split(/[\r\n]+/);
    return lines.filter((line) => line.trim() !== '').slice(-count);
  } finally {
    await handle.close();
  }
}

/** The last lines of a run's log, or of what it printed when it has written no log. */
export async function lastLogLines(dir: string, count: number): Promise<string[]> {
  const log = await lastLines(runFiles(dir).log, count);
  return log.length > 0 ? log : lastLines(outputFile(dir), count);
}
