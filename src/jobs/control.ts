import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../files/folders';
import { fileError, UserError } from '../errors/userError';
import type { TrainerCommand, TrainerStatus } from '../protocol/trainer';
import { sendCommand } from '../runs/control';
import { RunStateFile } from '../runs/runDirectory';
import { hasEnded, summarizeRun, type RunSummary } from './runSummary';
import { livingProcess } from '../runs/liveness';

/** A step of a large network on a CPU can take minutes, and commands are answered between steps. */
const ANSWER_TIMEOUT_MS = 30_000;

function requireLive(run: RunSummary, what: string): void {
  if (!run.live) throw new UserError(`${run.label}: the run is ${run.phase}, so it cannot be ${what}`);
  if (!run.here) {
    const where = run.state.host ?? 'another machine';
    const why = run.foreign === undefined ? '' : `, and ${run.foreign}`;
    throw new UserError(`${run.label}: the run is on ${where}${why}; it can only be ${what} where it was started`);
  }
}

const PARTICIPLES: Record<TrainerCommand, string> = {
  pause: 'paused',
  resume: 'resumed',
  checkpoint: 'saved',
  stop: 'stopped',
  status: 'asked',
};

/** Sends a command to the trainer of a run. @throws UserError when it is not alive, on another machine, or refuses. */
export async function controlRun(run: RunSummary, command: TrainerCommand): Promise<TrainerStatus> {
  requireLive(run, PARTICIPLES[command]);
  return sendCommand(run.dir, command, { timeoutMs: ANSWER_TIMEOUT_MS });
}

/**
 * Stops a run: a queued one leaves the queue, a live one writes a checkpoint and ends. One that does not listen (it may be
 * loading still) gets the signal that a terminal's Ctrl+C sends, with the same effect.
 */
export async function stopRun(run: RunSummary): Promise<void> {
  if (run.phase === 'queued') {
    const file = await RunStateFile.open(run.dir);
    const exitReason = 'taken out of the queue';
    return file.update({ state: 'interrupted', ended: new Date().toISOString(), exitReason });
  }
  requireLive(run, 'stopped');
  if (run.phase === 'starting') return stopBeforeBeginning(run);
  try {
    await sendCommand(run.dir, 'stop', { timeoutMs: ANSWER_TIMEOUT_MS });
  } catch (error) {
    const pid = await livingProcess(run.state, run.launch);
    if (pid === undefined) throw error;
    process.kill(pid, 'SIGINT');
  }
}

/** A trainer that has not begun has nothing to save, and may not listen yet. */
async function stopBeforeBeginning(run: RunSummary): Promise<void> {
  const pid = await livingProcess(run.state, run.launch);
  if (pid !== undefined) process.kill(pid, 'SIGINT');
  if (!(await waitForEnd(run.dir, ANSWER_TIMEOUT_MS))) return;
  const file = await RunStateFile.open(run.dir);
  if (file.state.state !== 'queued') return;
  await file.update({ state: 'interrupted', ended: new Date().toISOString(), exitReason: 'stopped before it began' });
}

/** Ends the process of a run at once; what it did since its last checkpoint is lost. */
export async function killRun(run: RunSummary): Promise<void> {
  requireLive(run, 'ended');
  const pid = await livingProcess(run.state, run.launch);
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

/** Waits until a run has ended. @returns false when it has not within the time. @throws AbortError when cancelled. */
export async function waitForEnd(dir: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  for (const end = performance.now() + timeoutMs; performance.now() < end;) {
    signal?.throwIfAborted();
    const run = await summarizeRun(dir);
    if (hasEnded(run) && !run.live) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

/**
 * Moves a run directory into `.trash` beside it, for when the system has no trash of its own.
 *
 * @returns where it went: renaming it back undoes it.
 */
export async function moveToTrash(run: RunSummary): Promise<string> {
  if (run.live) throw new UserError(`${run.label}: the run is ${run.phase}; stop it before you delete it`);
  const target = join(dirname(run.dir), '.trash', `${basename(run.dir)}-${Date.now()}`);
  try {
    await makeFolder(dirname(target));
    await rename(run.dir, target);
    return target;
  } catch (error) {
    throw fileError(error, run.dir, 'move the run to the trash');
  }
}
