import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PretrainConfig } from '../../config';
import type { Case } from '../../data/datalist';
import { UserError } from '../../errors/userError';
import type { TrainerCommand, TrainerStatus } from '../../protocol/trainer';
import { saveCheckpoint, VALIDATION_PREFIX, type Retention } from '../../runs';
import type { Optimizer } from '../../tensor/optim';
import type { VocoModel } from '../../voco/model';
import type { CropLoader, LoadedBatch } from '../loader';
import type { ProgressBar } from '../progress';
import { version } from '../version';
import { cropCount } from './microBatches';
import type { RunRecorder } from './recorder';
import { checkpointTensors, nonFiniteTensor } from './state';
import { evaluateBatch, type PretrainStep, type StepScalars } from './step';

/** Held-out volumes measured at each validation: more would cost time and tell little more. */
const MAX_VALIDATION_CASES = 32;
const PAUSE_POLL_MS = 200;

export interface LoopParts {
  readonly runDir: string;
  readonly config: PretrainConfig;
  readonly microBatch: number;
  readonly model: VocoModel;
  readonly optimizer: Optimizer;
  readonly step: PretrainStep;
  readonly loader: CropLoader;
  readonly validation: readonly Case[];
  readonly recorder: RunRecorder;
  readonly bar: ProgressBar;
  /** Optimizer steps done before. */
  readonly startStep: number;
}

export type LoopOutcome = 'finished' | 'interrupted';

/** The training loop: steps, validation, checkpoints, and what the control socket and signals ask for between steps. */
export class PretrainLoop {
  private done: number;
  private last: StepScalars = {};
  private secondsPerStep = NaN;
  private lastCheckpoint: string | undefined;
  /** Steps done at the last checkpoint. */
  private saved: number;
  private paused = false;
  private stopReason: string | undefined;
  private checkpointWanted = false;

  constructor(private readonly parts: LoopParts) {
    this.done = parts.startStep;
    this.saved = parts.startStep;
  }

  get stepsDone(): number {
    return this.done;
  }

  /** Asks the loop to write a checkpoint and end after the current step. */
  stop(reason: string): void {
    this.stopReason ??= reason;
  }

  /** What the control socket answers. */
  command(command: TrainerCommand): TrainerStatus {
    if (command === 'pause') this.paused = true;
    if (command === 'resume') this.paused = false;
    if (command === 'checkpoint') this.checkpointWanted = true;
    if (command === 'stop') this.stop('stopped on request');
    const { config } = this.parts;
    const left = this.secondsPerStep * (config.train.steps - this.done);
    return {
      state: this.stopReason ? 'stopping' : this.paused ? 'paused' : 'running',
      step: this.done,
      totalSteps: config.train.steps,
      loss: this.last.loss,
      ...(Number.isFinite(left) && { secondsPerStep: this.secondsPerStep, secondsLeft: left }),
      checkpoint: this.lastCheckpoint,
    };
  }

  async run(): Promise<LoopOutcome> {
    const { steps, checkpointEvery } = this.parts.config.train;
    while (this.done < steps && !this.stopReason) {
      await this.waitWhilePaused();
      if (this.stopReason) break;
      await this.oneStep();
      const due = this.done % checkpointEvery === 0 || this.done === steps;
      if (this.checkpointWanted || due) await this.checkpoint();
    }
    if (this.saved < this.done) await this.checkpoint();
    return this.done >= steps ? 'finished' : 'interrupted';
  }

  /** Why the run was asked to stop, if it was. */
  get reason(): string | undefined {
    return this.stopReason;
  }

  private async waitWhilePaused(): Promise<void> {
    if (!this.paused) return;
    const { recorder } = this.parts;
    await recorder.log(`paused after step ${this.done}`);
    await recorder.patch({ state: 'paused', step: this.done });
    while (this.paused && !this.stopReason) {
      if (this.checkpointWanted) await this.checkpoint();
      await sleep(PAUSE_POLL_MS);
      await recorder.beat();
    }
    await recorder.log('going on');
    await recorder.patch({ state: this.stopReason ? 'stopping' : 'running' });
  }

  private async oneStep(): Promise<void> {
    const { step, loader, recorder, bar, config } = this.parts;
    const started = performance.now();
    const batch = await loader.next().catch((error: unknown) => this.saveBeforeFailing(error));
    const { scalars, finite } = await step.run(batch, this.done);
    if (!finite) await this.refuse(batch, scalars);
    const seconds = (performance.now() - started) / 1000;
    const epoch = batch.epoch;
    const crops = cropCount(batch);
    loader.release(batch);
    this.done += 1;
    this.secondsPerStep = Number.isNaN(this.secondsPerStep) ? seconds : 0.9 * this.secondsPerStep + 0.1 * seconds;
    const due = this.done % config.train.validateEvery === 0 || this.done === config.train.steps;
    const validation = due ? await this.validate() : undefined;
    this.last = { ...scalars, ...prefixed(validation) };
    const timing = { epoch, secondsPerStep: seconds, cropsPerSecond: crops / seconds };
    const all = { ...scalars, ...timing, memoryBytes: process.memoryUsage.rss() };
    await recorder.step(this.done, all, validation);
    bar.update(this.done, summary(scalars, validation));
    if (validation) await recorder.log(`step ${this.done}: ${summary(scalars, validation)}`);
  }

  /** A volume that cannot be read ends the run, but not at the price of the steps since the last checkpoint. */
  private async saveBeforeFailing(error: unknown): Promise<never> {
    if (this.saved < this.done) await this.checkpoint().catch(() => undefined);
    throw error;
  }

  /** Ends the run at a loss or gradient that is not finite; the weights are those of the step before. */
  private async refuse(batch: LoadedBatch, scalars: StepScalars): Promise<never> {
    const { recorder, runDir } = this.parts;
    const name = `nonfinite-step-${this.done + 1}.json`;
    const texts = Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, String(value)]));
    const centres = Array.from(batch.centres);
    const file = await recorder.dump(name, { step: this.done + 1, cases: batch.cases, centres, scalars: texts });
    const what = Number.isFinite(scalars.loss) ? 'a gradient' : 'the loss';
    throw new UserError(
      `${runDir}: ${what} was not finite at step ${this.done + 1}; the batch was ${[...new Set(batch.cases)].join(', ')} ` +
        `(see ${file}); the last checkpoint is kept: look at these volumes, lower optimizer.lr or set optimizer.clipNorm, and resume`,
    );
  }

  private async validate(): Promise<StepScalars | undefined> {
    const { validation, loader, model, microBatch } = this.parts;
    const cases = validation.slice(0, MAX_VALIDATION_CASES);
    if (cases.length === 0) return undefined;
    const sums: Record<string, number> = {};
    for (const [draw, item] of cases.entries()) {
      const batch = await loader.validationBatch(item, draw);
      for (const [name, value] of Object.entries(await evaluateBatch(model, batch, microBatch))) {
        sums[name] = (sums[name] ?? 0) + value / cases.length;
      }
    }
    return sums;
  }

  private async checkpoint(): Promise<void> {
    const { runDir, config, model, optimizer, recorder, validation } = this.parts;
    this.checkpointWanted = false;
    const tensors = await checkpointTensors(model, optimizer);
    const broken = nonFiniteTensor(tensors);
    if (broken !== undefined) {
      throw new UserError(
        `${runDir}: the weights ${broken} were not finite after step ${this.done}; no checkpoint of them was written and ` +
          'the last one is kept: lower optimizer.lr or set optimizer.clipNorm, and resume',
      );
    }
    // A checkpoint must never be ahead of the metrics, not even after a power cut.
    await recorder.sync();
    const retention: Retention = {
      keepLast: config.train.keepLast,
      ...(validation.length > 0 && { best: { metric: `${VALIDATION_PREFIX}loss`, goal: 'min' } }),
    };
    const state = {
      step: this.done,
      tensors,
      metadata: { kind: 'pretrain', name: config.name, config: JSON.stringify(config), version },
      metrics: this.last,
    };
    this.lastCheckpoint = await saveCheckpoint(runDir, state, retention);
    this.saved = this.done;
    await recorder.patch({ step: this.done, loss: this.last.loss });
    await recorder.plot();
    await recorder.log(`checkpoint ${this.lastCheckpoint}`);
  }
}

function prefixed(validation: StepScalars | undefined): StepScalars {
  const entries = Object.entries(validation ?? {}).map(([name, value]) => [`${VALIDATION_PREFIX}${name}`, value]);
  return Object.fromEntries(entries) as StepScalars;
}

function summary(scalars: StepScalars, validation: StepScalars | undefined): string {
  const percent = (value: number | undefined): string => `${(100 * (value ?? NaN)).toFixed(0)} %`;
  const own = `loss ${scalars.loss?.toFixed(4)} · position ${percent(scalars.accuracy)}`;
  if (!validation) return own;
  return `${own} · held out: loss ${validation.loss?.toFixed(4)}, position ${percent(validation.accuracy)}`;
}
