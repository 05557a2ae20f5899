import type { Activity } from '../protocol/trainer';
import { Interrupted, Interruption } from '../rpc/interruption';
import { appendLog, RunStateFile, type RunPhase, type RunStatePatch } from '../runs';
import { BEAT_MS } from '../runs/ownership';
import { activityText } from '../text';
import type { Say } from '../train/types';

/** How often what an evaluation is at is shown. */
const SHOWN_EVERY_MS = 2000;

/** How an evaluation reports progress. */
export interface Watch {
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Cases done. */
  progress(done: number): Promise<void>;
  /** What the case under way is at. @param share how much of it is done, 0 to 1 */
  tell(what: string, share?: number): void;
}

/** Shows in a run's state what an evaluation is at, renews its heartbeat, and tells of a stop at once. */
class Shown {
  private activity: Activity | undefined;
  private state: RunPhase = 'running';
  private last = '';
  private lastAt = -Infinity;
  private readonly timer = setInterval(() => this.look(), SHOWN_EVERY_MS);

  constructor(private readonly file: RunStateFile | undefined) {
    this.timer.unref();
  }

  get text(): string {
    return activityText(this.activity);
  }

  tell(what: string, share?: number): void {
    this.activity = { what, ...(share !== undefined && { share }) };
  }

  stopping(): void {
    this.state = 'stopping';
    this.look();
  }

  private look(): void {
    const due = performance.now() - this.lastAt > BEAT_MS;
    const now = `${this.state} ${this.text}`;
    if (now === this.last && !due) return;
    [this.last, this.lastAt] = [now, performance.now()];
    // What cannot be written now is written with the next look, or tells of itself at the next case.
    void this.file?.update({ state: this.state, activity: this.activity }).catch(() => undefined);
  }

  end(): void {
    clearInterval(this.timer);
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
  const shown = new Shown(state);
  const interruption = new Interruption((signal) => {
    say(`${signal}: stopping${shown.text && ` (now ${shown.text})`}; again to quit at once`);
    controller.abort(
      new Interrupted(`${runDir}: the evaluation was interrupted by ${signal}; start it again to measure all cases`),
    );
    shown.stopping();
  });
  await state?.claim({ ...start, state: 'running', step: 0 });
  const end = (patch: RunStatePatch): Promise<void> | undefined => {
    shown.end();
    return state?.update({ ...patch, activity: undefined, ended: new Date().toISOString() });
  };
  try {
    const result = await work({
      signal: controller.signal,
      progress: async (done) => state?.update({ step: done }),
      tell: (what, share) => shown.tell(what, share),
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
    shown.end();
    interruption.dispose();
    await state?.release();
  }
}
