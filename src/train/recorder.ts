import { writeFileAtomically } from '../files/atomic';
import { validationMetrics } from '../protocol/metrics';
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
import type { StepScalars } from './types';
import { nonFiniteFile } from '../runs/files';

const HEARTBEAT_MS = 5000;

/** Everything a run writes about itself besides checkpoints: metrics, TensorBoard events, state, log and plot. */
export class RunRecorder {
  /** Not by the clock of the day: one that is set back would silence the run. */
  private lastHeartbeat = -Infinity;
  private readonly curves: RunCurves;

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
    const due = performance.now() - this.lastHeartbeat > HEARTBEAT_MS;
    if (due || validation) await this.patch({ step, loss: scalars.loss, ...(validation && heldOut(validation)) });
  }

  async patch(patch: RunStatePatch): Promise<void> {
    this.lastHeartbeat = performance.now();
    await this.state.update(patch);
  }

  /** Tells watchers on other machines that the run is alive. */
  async beat(): Promise<void> {
    if (performance.now() - this.lastHeartbeat > HEARTBEAT_MS) await this.patch({});
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
