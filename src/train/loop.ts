import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config';
import { UserError } from '../errors/userError';
import type { TrainerCommand, TrainerStatus } from '../protocol/trainer';
import { validationMetrics } from '../protocol/metrics';
import { saveCheckpoint, type Retention } from '../runs';
import type { Batch } from '../tasks';
import type { TensorEntry } from '../runs/safetensors';
import type { ProgressBar } from '../text/progressBar';
import { version } from '../text/version';
import type { RunRecorder } from './recorder';
import { nonFiniteTensor } from './state';
import type { StartedStep, StepResult, StepScalars } from './types';

const PAUSE_POLL_MS = 200;

/** What the loop needs to know of a batch. */
export interface LoopBatch extends Batch {
  readonly epoch: number;
}

/** A training as the loop drives it: it calls these, in this order, and knows nothing else of what is trained. */
export interface Training<B extends LoopBatch> {
  next(): Promise<B>;
  /** @param done optimizer steps done before */
  step(batch: B, done: number): Promise<StartedStep>;
  /** Gives the memory of a batch back. */
  release(batch: B): void;
  /** Crops (or whole volumes) in a batch. */
  cropCount(batch: B): number;
  /** What is recorded of a batch whose loss was not finite, besides its cases. */
  describe(batch: B): Record<string, unknown>;
  /** Scores on held-out cases; undefined where there are none. */
  validate(): Promise<StepScalars | undefined>;
  /** Weights and optimizer state. */
  tensors(): Promise<TensorEntry[]>;
  summary(scalars: StepScalars, validation: StepScalars | undefined): string;
}

export interface LoopSettings {
  readonly runDir: string;
  /** The resolved config, which goes into every checkpoint. */
  readonly config: Config;
  readonly totalSteps: number;
  /** Steps between validations, and between checkpoints. */
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  readonly retention: Retention;
  /** Write a checkpoint at every validation, so that the best is never lost. */
  readonly checkpointAtValidation: boolean;
  /** Optimizer steps done before. */
  readonly startStep: number;
  /** Steps that may be started before the numbers of the one before are known; 0 on devices that compute at once. */
  readonly stepsAhead: number;
  readonly recorder: RunRecorder;
  readonly bar: ProgressBar;
}

/** A step whose numbers are not known yet. */
interface OpenStep {
  /** 1 for the first of the run. */
  readonly number: number;
  readonly result: Promise<StepResult>;
  readonly begun: number;
  readonly epoch: number;
  readonly crops: number;
  readonly cases: readonly string[];
  readonly about: Record<string, unknown>;
}

export type LoopOutcome = 'finished' | 'interrupted';

/** The training loop: steps, validation, checkpoints, and what the control socket and signals ask for between steps. */
export class TrainingLoop<B extends LoopBatch> {
  /** Steps given to the device. */
  private done: number;
  /** Those of them that are not recorded yet, in order. */
  private readonly open: OpenStep[] = [];
  /** When the last step was recorded. */
  private recordedAt = -Infinity;
  /** Whether held-out cases were measured after the last step that was recorded. */
  private validated = false;
  private last: StepScalars = {};
  private secondsPerStep = NaN;
  private lastCheckpoint: string | undefined;
  /** Steps done at the last checkpoint. */
  private saved: number;
  private paused = false;
  private stopReason: string | undefined;
  private checkpointWanted = false;

  constructor(
    private readonly settings: LoopSettings,
    private readonly training: Training<B>,
  ) {
    this.done = settings.startStep;
    this.saved = settings.startStep;
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
    const { totalSteps } = this.settings;
    const left = this.secondsPerStep * (totalSteps - this.done);
    return {
      state: this.stopReason ? 'stopping' : this.paused ? 'paused' : 'running',
      step: this.done,
      totalSteps,
      loss: this.last.loss,
      ...(Number.isFinite(left) && { secondsPerStep: this.secondsPerStep, secondsLeft: left }),
      checkpoint: this.lastCheckpoint,
    };
  }

  async run(): Promise<LoopOutcome> {
    const { totalSteps, checkpointEvery, checkpointAtValidation } = this.settings;
    while (this.done < totalSteps && !this.stopReason) {
      await this.waitWhilePaused();
      if (this.stopReason) break;
      const validated = await this.oneStep();
      const due = this.done % checkpointEvery === 0 || this.done === totalSteps;
      if (this.checkpointWanted || due || (validated && checkpointAtValidation)) await this.checkpoint();
    }
    if (this.saved < this.done) await this.checkpoint();
    return this.done >= totalSteps ? 'finished' : 'interrupted';
  }

  /** Why the run was asked to stop, if it was. */
  get reason(): string | undefined {
    return this.stopReason;
  }

  private async waitWhilePaused(): Promise<void> {
    if (!this.paused) return;
    const { recorder } = this.settings;
    await this.settle(0);
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

  /** @returns whether held-out cases were measured after it. */
  private async oneStep(): Promise<boolean> {
    const { training } = this;
    const begun = performance.now();
    const batch = await training.next().catch((error: unknown) => this.saveBeforeFailing(error));
    const { result } = await training.step(batch, this.done);
    this.done += 1;
    const { epoch, cases } = batch;
    const what = { epoch, cases: [...cases], crops: training.cropCount(batch), about: training.describe(batch) };
    this.open.push({ number: this.done, result, begun, ...what });
    training.release(batch);
    const due = this.validationDue(this.done);
    await this.settle(due ? 0 : this.settings.stepsAhead);
    return due && this.validated;
  }

  private validationDue(step: number): boolean {
    const { validateEvery, totalSteps } = this.settings;
    return step % validateEvery === 0 || step === totalSteps;
  }

  /** Waits for the numbers of all steps but the last `ahead`, and records them. */
  private async settle(ahead: number): Promise<void> {
    while (this.open.length > ahead) await this.record(this.open.shift()!);
  }

  private async record(step: OpenStep): Promise<void> {
    const { training } = this;
    const { recorder, bar } = this.settings;
    const { scalars, finite } = await step.result;
    if (!finite) await this.refuse(step, scalars);
    const seconds = (performance.now() - Math.max(step.begun, this.recordedAt)) / 1000;
    this.secondsPerStep = Number.isNaN(this.secondsPerStep) ? seconds : 0.9 * this.secondsPerStep + 0.1 * seconds;
    const validation = this.validationDue(step.number) ? await training.validate() : undefined;
    this.validated = validation !== undefined;
    this.last = { ...scalars, ...validationMetrics(validation) };
    const timing = { epoch: step.epoch, secondsPerStep: seconds, cropsPerSecond: step.crops / seconds };
    const all = { ...scalars, ...timing, memoryBytes: process.memoryUsage.rss() };
    await recorder.step(step.number, all, validation);
    const summary = training.summary(scalars, validation);
    bar.update(step.number, summary);
    if (validation) await recorder.log(`step ${step.number}: ${summary}`);
    this.recordedAt = performance.now();
  }

  /** A volume that cannot be read ends the run, but not at the price of the steps since the last checkpoint. */
  private async saveBeforeFailing(error: unknown): Promise<never> {
    if (this.saved < this.done) await this.checkpoint().catch(() => undefined);
    throw error;
  }

  /** Ends the run at a loss or gradient that is not finite; no checkpoint is written after it. */
  private async refuse({ number, cases, about }: OpenStep, scalars: StepScalars): Promise<never> {
    const { recorder, runDir } = this.settings;
    const texts = Object.fromEntries(Object.entries(scalars).map(([key, value]) => [key, String(value)]));
    const file = await recorder.dump(number, {
      step: number,
      cases,
      ...about,
      scalars: texts,
    });
    const what = Number.isFinite(scalars.loss) ? 'a gradient' : 'the loss';
    throw new UserError(
      `${runDir}: ${what} was not finite at step ${number}; the batch was ${[...new Set(cases)].join(', ')} ` +
        `(see ${file}); the last checkpoint is kept: check these volumes, lower optimizer.lr or set optimizer.clipNorm, and resume`,
    );
  }

  private async checkpoint(): Promise<void> {
    const { runDir, config, recorder, retention } = this.settings;
    this.checkpointWanted = false;
    await this.settle(0);
    const tensors = await this.training.tensors();
    const broken = nonFiniteTensor(tensors);
    if (broken !== undefined) {
      throw new UserError(
        `${runDir}: the weights ${broken} were not finite after step ${this.done}; no checkpoint was written and ` +
          'the last one is kept: lower optimizer.lr or set optimizer.clipNorm, and resume',
      );
    }
    // A checkpoint must never be ahead of the metrics, not even after a power cut.
    await recorder.sync();
    const state = {
      step: this.done,
      tensors,
      metadata: { kind: config.kind, name: config.name, config: JSON.stringify(config), version },
      metrics: this.last,
    };
    this.lastCheckpoint = await saveCheckpoint(runDir, state, retention);
    this.saved = this.done;
    await recorder.patch({ step: this.done, loss: this.last.loss });
    await recorder.plot();
    await recorder.log(`checkpoint ${this.lastCheckpoint}`);
  }
}
