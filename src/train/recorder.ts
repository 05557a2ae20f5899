import { writeFileAtomically } from '../files/atomic';
import { validationMetrics } from '../protocol/metrics';
import type { Activity } from '../protocol/trainer';
import {
  appendLog,
  EventWriter,
  MetricsWriter,
  RunCurves,
  RunStateFile,
  writeRunPlot,
  type ConfigChange,
  type RunStatePatch,
} from '../runs';
import type { Steering } from './steering';
import type { StepScalars } from './types';
import { nonFiniteFile } from '../runs/files';
import { BEAT_MS } from '../runs/ownership';

const LOOK_MS = 1000;
/** What takes no longer is not worth being shown. */
const SHOWN_FROM_MS = 2000;

/** Everything a run writes about itself besides checkpoints: metrics, TensorBoard events, state, log and plot. */
export class RunRecorder {
  /** Not by the clock of the day: one that is set back would silence the run. */
  private lastHeartbeat = -Infinity;
  private readonly curves: RunCurves;
  private shown: Activity | undefined;

  private metrics: MetricsWriter | undefined;
  private events: EventWriter | undefined;

  constructor(
    private readonly runDir: string,
    private readonly state: RunStateFile,
  ) {
    this.curves = new RunCurves(runDir);
  }

  /**
   * Opens the files of steps. Called when nothing can fail any more before the first step, since metrics are cut.
   *
   * @param resumeStep step of the checkpoint that the run goes on from: later metrics are cut.
   */
  async begin(resumeStep: number | undefined): Promise<void> {
    this.metrics = await MetricsWriter.open(this.runDir, { resumeStep });
    this.events = await EventWriter.open(this.runDir, { resumeStep });
  }

  /** What a resume has changed in the config. */
  async changed(change: ConfigChange): Promise<void> {
    await this.patch({ changes: [...(this.state.state.changes ?? []), change] });
  }

  /** One finished step. `validation` are the scalars on held-out volumes, where this step measured them. */
  async step(step: number, scalars: StepScalars, validation: StepScalars | undefined): Promise<void> {
    const all = { ...scalars, ...validationMetrics(validation) };
    await this.state.checkOwned();
    await this.metrics!.append({ step, ...all });
    await this.events!.scalars(step, all);
    if (this.beatDue || validation)
      await this.patch({ step, loss: scalars.loss, ...(validation && heldOut(validation)) });
  }

  /** The last step once more, with what was measured after it by now. */
  async amend(step: number, scalars: StepScalars, validation: StepScalars): Promise<void> {
    await this.state.checkOwned();
    await this.metrics!.amend({ step, ...scalars, ...validationMetrics(validation) });
    await this.events!.scalars(step, validationMetrics(validation));
    await this.patch({ step, loss: scalars.loss, ...heldOut(validation) });
  }

  /**
   * Shows what a run is asked for at once, and what it is at where that takes long; renews the heartbeat meanwhile.
   *
   * @returns what ends it
   */
  show(steering: Steering, onActivity: (activity: Activity) => void): () => void {
    // A run that was taken over learns it in the middle of a long validation as well.
    const fail = (error: unknown): void => steering.fail(error);
    steering.onChange = () => void this.patch(this.standing(steering)).catch(fail);
    const look = (): void => {
      const { shown, lastsMs = 0 } = steering.activity ?? {};
      const next = shown && lastsMs > SHOWN_FROM_MS ? shown : undefined;
      if (next) onActivity(next);
      const changed = next?.what !== this.shown?.what || next?.share !== this.shown?.share;
      this.shown = next;
      if (changed || this.beatDue) void this.patch(this.standing(steering)).catch(fail);
    };
    const timer = setInterval(look, LOOK_MS);
    timer.unref();
    return () => {
      clearInterval(timer);
      steering.onChange = () => undefined;
    };
  }

  private standing(steering: Steering): RunStatePatch {
    const asked = steering.phase === 'pausing' || steering.phase === 'stopping';
    const activity = asked ? steering.activity?.shown : this.shown;
    // Before the loop begins, the step of the checkpoint stands there.
    const step = steering.stepsDone > 0 ? { step: steering.stepsDone } : {};
    return { state: steering.phase, activity, ...step };
  }

  private get beatDue(): boolean {
    return performance.now() - this.lastHeartbeat > BEAT_MS;
  }

  async patch(patch: RunStatePatch): Promise<void> {
    this.lastHeartbeat = performance.now();
    await this.state.update(patch);
  }

  async log(message: string): Promise<void> {
    await this.state.checkOwnedQuickly();
    await appendLog(this.runDir, message);
  }

  /** What was in a batch whose loss or gradient was not finite, for a look at it later. */
  async dump(step: number, content: unknown): Promise<string> {
    await this.state.checkOwned();
    const file = nonFiniteFile(this.runDir, step);
    await writeFileAtomically(file, `${JSON.stringify(content, null, 2)}\n`);
    return file;
  }

  /** Makes the metrics written so far survive a power cut. What follows is a checkpoint: only the owner of a run may write it. */
  async sync(): Promise<void> {
    await this.state.checkOwned();
    await this.metrics?.sync();
  }

  /** Draws the curves so far. */
  async plot(): Promise<string> {
    await this.state.checkOwnedQuickly();
    return writeRunPlot(this.runDir, this.curves);
  }

  async close(): Promise<void> {
    await this.metrics?.close();
    await this.events?.close();
  }
}

/** The main scores of a validation: those of single classes and what is not a number left out. */
function heldOut(validation: StepScalars): RunStatePatch {
  const main = Object.entries(validation).filter(([name, value]) => !name.includes('/') && Number.isFinite(value));
  return { heldOut: Object.fromEntries(main) as StepScalars };
}
