import { hostname } from 'node:os';
import { processStartTime } from './process';
import type { Launch } from './launch';
import type { RunPhase, RunState } from './runDirectory';

/** After this long without a heartbeat, a run on another machine counts as dead. */
export const HEARTBEAT_LIMIT_MS = 90_000;

const ACTIVE: readonly RunPhase[] = ['starting', 'running', 'paused', 'stopping'];

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

/**
 * Whether the process of a run lives: on this machine by its number and start time, elsewhere by its heartbeat. A queued
 * run has no process yet, and one that ended has none any more.
 */
export async function isAlive(state: RunState, now: Date = new Date()): Promise<boolean> {
  if (!ACTIVE.includes(state.state)) return false;
  if (state.host === hostname() && state.pid !== undefined) return processIsAlive(state);
  return state.heartbeat !== undefined && now.getTime() - Date.parse(state.heartbeat) < HEARTBEAT_LIMIT_MS;
}

/** Whether the process that was started last from a window is alive on this machine. */
export async function launchIsAlive(launch: Launch): Promise<boolean> {
  return launch.host === hostname() && (await processIsAlive(launch));
}

/** The process of a run on this machine, by its state or else by its launch; undefined where none lives. */
export async function livingProcess(state: NamedProcess, launch: Launch | undefined): Promise<number | undefined> {
  if (await processIsAlive(state)) return state.pid;
  return launch && (await launchIsAlive(launch)) ? launch.pid : undefined;
}
