import { ExitCode, UserError } from '../errors/userError';
import { appendLog, RunStateFile, type RunStatePatch } from '../runs';
import { Interruption } from '../rpc/interruption';
import type { Say } from '../train/types';

/** How an evaluation reports progress. */
export interface Watch {
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Cases done. */
  progress(done: number): Promise<void>;
}

class Interrupted extends UserError {
  constructor(runDir: string, signal: string) {
    super(
      `${runDir}: the evaluation was interrupted by ${signal}; start it again to measure all cases`,
      ExitCode.interrupted,
    );
  }
}

/**
 * Runs an evaluation and stops it at a signal, between two windows of a volume.
 *
 * @param state of the evaluation's own run directory, which then shows how it stands; undefined where results are added to
 *   the directory of another run
 * @throws UserError with the exit code of an interruption when a signal came
 */
export async function supervise<
  T extends { readonly heldOut: Readonly<Record<string, number>>; readonly failed: readonly unknown[] },
>(
  runDir: string,
  state: RunStateFile | undefined,
  start: RunStatePatch,
  say: Say,
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interruption = new Interruption((signal) => {
    say(`${signal}: stopping; again to quit at once`);
    controller.abort(new Interrupted(runDir, signal));
  });
  await state?.claim({ ...start, state: 'running', step: 0 });
  const end = (patch: RunStatePatch): Promise<void> | undefined =>
    state?.update({ ...patch, ended: new Date().toISOString() });
  try {
    const result = await work({
      signal: controller.signal,
      progress: async (done) => state?.update({ step: done }),
    });
    const skipped = result.failed.length;
    await end({ state: 'finished', heldOut: result.heldOut, ...(skipped > 0 && { skipped }) });
    return result;
  } catch (error) {
    const exitReason = error instanceof Error ? error.message : String(error);
    await appendLog(runDir, exitReason).catch(() => undefined);
    await end({ state: error instanceof Interrupted ? 'interrupted' : 'failed', exitReason })?.catch(() => undefined);
    throw error;
  } finally {
    interruption.dispose();
    await state?.release();
  }
}
