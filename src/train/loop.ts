import process from 'node:process';
import type { Config } from '../config';
import { UserError } from '../errors/userError';
import { validationMetrics } from '../protocol/metrics';
import { saveCheckpoint, type Retention } from '../runs';
import type { Batch } from '../tasks';
import type { TensorEntry } from '../runs/safetensors';
import type { Watched } from '../rpc/breath';
import type { ProgressBar } from '../text/progressBar';
import { version } from '../text/version';
import type { RunRecorder } from './recorder';
import { nonFiniteTensor } from './state';
import { BrokenOff, Steering, type Standing } from './steering';
import type { StartedStep, StepResult, StepScalars } from './types';

/** What the loop needs to know of a batch. */
export interface LoopBatch extends Batch {
  readonly epoch: number;
}

/** A training as the loop drives it: it calls these, in this order, and knows nothing else of what is trained. */
export interface Training<B extends LoopBatch> {
  next(): Promise<B>;
  /**
   * @param done optimizer steps done before
   * @param giveWay called between two pieces of the step; where it rejects, all is as before the step
   */
  step(batch: B, done: number, giveWay: (done: number, total: number) => Promise<void>): Promise<StartedStep>;
  /** Gives the memory of a batch back. */
  release(batch: B): void;
  /** Crops (or whole volumes) in a batch. */
  cropCount(batch: B): number;
  /** What is recorded of a batch whose loss was not finite, besides its cases. */
  describe(batch: B): Record<string, unknown>;
  /** Scores on held-out cases; undefined where there are none. */
  validate(watched: Watched): Promise<StepScalars | undefined>;
  /** Weights and optimizer state. */
  tensors(): Promise<TensorEntry[]>;
  summary(scalars: StepScalars, validation: StepScalars | undefined): string;
  /** Looks at the numbers of each step for what a person should know. */
  watch?(scalars: StepScalars): void;
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
  /** Scalars of the last of them where the validation after it was not done to its end: it is done again first. */
  readonly owed?: StepScalars | undefined;
  /** Steps that may be started before the numbers of the one before are known; 0 on devices that compute at once. */
  readonly stepsAhead: number;
  /** What is trained when: told at the step from which a line holds, and where a run goes on. */
  readonly phases?: readonly { readonly first: number; readonly text: string }[];
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

/** A validation that is due or under way. */
interface Owed {
  readonly step: number;
  readonly scalars: StepScalars;
  /** The scalars with what else metrics.jsonl has of the step. */
  readonly all: StepScalars;
  /** The step was recorded without it. */
  recorded: boolean;
}

/** Metadata of a checkpoint after whose step the validation has yet to be done. */
const OWED = { validation: 'owed' } as const;

/** Whether a checkpoint was written before the validation after its step was done. */
export const isOwed = (metadata: Readonly<Record<string, string>> | undefined): boolean =>
  metadata?.validation === OWED.validation;

/** The training loop: steps, validation, checkpoints, and what is asked for meanwhile. */
export class TrainingLoop<B extends LoopBatch> {
  /** Steps given to the device. */
  private done: number;
  /** Those of them that are not recorded yet, in order. */
  private readonly open: OpenStep[] = [];
  /** The batch of the next step, once it is asked for. */
  private upcoming: Promise<B> | undefined;
  /** When the last step was recorded. */
  private recordedAt = -Infinity;
  /** Whether held-out cases were measured after the last step that was recorded. */
  private validated = false;
  private owed: Owed | undefined;
  private last: StepScalars = {};
  private secondsPerStep = NaN;
  private lastCheckpoint: string | undefined;
  /** The line of the phase that was told last. */
  private phase: string | undefined;
  /** Steps done at the last checkpoint; NaN when that one lacks the scores of its step. */
  private saved: number;

  constructor(
    private readonly settings: LoopSettings,
    private readonly training: Training<B>,
    private readonly steering = new Steering(),
  ) {
    const { startStep, owed } = settings;
    this.done = startStep;
    this.saved = startStep;
    if (owed) this.owed = { step: startStep, scalars: owed, all: owed, recorded: true };
  }

  get stepsDone(): number {
    return this.done;
  }

  async run(): Promise<LoopOutcome> {
    const { steering } = this;
    const { totalSteps, recorder } = this.settings;
    steering.onHold = () => this.hold();
    steering.onCheckpoint = () => this.checkpoint();
    steering.onResume = () => recorder.log('going on');
    steering.begin(() => this.standing());
    while ((this.done < totalSteps || this.owed) && !steering.stopping) {
      try {
        await steering.giveWay();
        await this.advance();
      } catch (error) {
        // A step that a pause interrupts is done again.
        if (!(error instanceof BrokenOff)) throw error;
      }
    }
    if (this.saved !== this.done) await this.checkpoint();
    return this.done >= totalSteps && !this.owed ? 'finished' : 'interrupted';
  }

  private standing(): Standing {
    const { done, last, secondsPerStep, lastCheckpoint } = this;
    const { totalSteps } = this.settings;
    return { step: done, totalSteps, loss: last.loss, secondsPerStep, checkpoint: lastCheckpoint };
  }

  /** The validation that is owed, or the next step. */
  private async advance(): Promise<void> {
    const { totalSteps, checkpointEvery, checkpointAtValidation } = this.settings;
    if (this.owed) {
      await this.validate(this.owed);
      return this.checkpoint();
    }
    const validated = await this.oneStep();
    const due = this.done % checkpointEvery === 0 || this.done === totalSteps || Number.isNaN(this.saved);
    if (this.steering.checkpointWanted || due || (validated && checkpointAtValidation)) await this.checkpoint();
  }

  /** Before a pause: what was done so far is safe, whatever happens to the machine meanwhile. */
  private async hold(): Promise<void> {
    const { recorder, bar } = this.settings;
    await this.settle(0);
    if (this.owed) await this.recordOwed(this.owed);
    if (this.saved !== this.done || this.steering.checkpointWanted) await this.checkpoint();
    await recorder.log(`paused after step ${this.done}`);
    bar.message(`paused after step ${this.done}`);
  }

  /** Tells of the phase that the next step is in, once. */
  private async tellPhase(): Promise<void> {
    const { phases = [], recorder } = this.settings;
    const text = phases.filter(({ first }) => first <= this.done).at(-1)?.text;
    if (text === undefined || text === this.phase) return;
    this.phase = text;
    await recorder.log(text);
  }

  private async nextBatch(): Promise<B> {
    const { steering } = this;
    this.upcoming ??= this.training.next();
    steering.tell('loading the cases of the next step');
    try {
      return await steering.race(this.upcoming);
    } catch (error) {
      return error instanceof BrokenOff ? Promise.reject(error) : this.saveBeforeFailing(error);
    }
  }

  /** @returns whether held-out cases were measured after it. */
  private async oneStep(): Promise<boolean> {
    const { training, steering } = this;
    const begun = performance.now();
    const batch = await this.nextBatch();
    await this.tellPhase();
    const { result } = await training.step(batch, this.done, async (done, total) => {
      steering.tell(`computing step ${this.done + 1}`, done / total);
      await steering.breakOff();
    });
    this.upcoming = undefined;
    this.done += 1;
    const { epoch, cases } = batch;
    const what = { epoch, cases: [...cases], crops: training.cropCount(batch), about: training.describe(batch) };
    this.open.push({ number: this.done, result, begun, ...what });
    training.release(batch);
    const due = this.validationDue(this.done);
    await this.settle(due ? 0 : this.settings.stepsAhead);
    steering.untell();
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
    const { scalars, finite } = await step.result;
    if (!finite) await this.refuse(step, scalars);
    const seconds = (performance.now() - Math.max(step.begun, this.recordedAt)) / 1000;
    this.secondsPerStep = Number.isNaN(this.secondsPerStep) ? seconds : 0.9 * this.secondsPerStep + 0.1 * seconds;
    this.last = scalars;
    this.training.watch?.(scalars);
    const timing = { epoch: step.epoch, secondsPerStep: seconds, cropsPerSecond: step.crops / seconds };
    const all = { ...scalars, ...timing, memoryBytes: process.memoryUsage.rss() };
    if (this.validationDue(step.number)) {
      this.owed = { step: step.number, scalars, all, recorded: false };
      await this.validate(this.owed);
    } else {
      this.validated = false;
      await this.settings.recorder.step(step.number, all, undefined);
      this.tell(step.number, undefined);
    }
    this.recordedAt = performance.now();
  }

  /** Measures held-out cases and records the step with their scores. One that is broken off is owed. */
  private async validate(owed: Owed): Promise<void> {
    const { step, scalars, all } = owed;
    const { recorder } = this.settings;
    const found = await this.training.validate(this.steering).catch(async (error: unknown) => {
      await this.recordOwed(owed);
      return error instanceof BrokenOff ? Promise.reject(error) : this.saveBeforeFailing(error);
    });
    this.steering.untell();
    this.validated = found !== undefined;
    this.last = { ...scalars, ...validationMetrics(found) };
    if (!owed.recorded) await recorder.step(step, all, found);
    else if (found) await recorder.amend(step, all, found);
    if (owed.recorded) this.saved = NaN;
    this.owed = undefined;
    this.tell(step, found);
    if (found) await recorder.log(`step ${step}: ${this.training.summary(scalars, found)}`);
  }

  private tell(step: number, validation: StepScalars | undefined): void {
    this.settings.bar.update(step, this.training.summary(this.last, validation));
  }

  /** Records a step without the validation after it, which is done later. */
  private async recordOwed(owed: Owed): Promise<void> {
    if (owed.recorded) return;
    await this.settings.recorder.step(owed.step, owed.all, undefined);
    owed.recorded = true;
  }

  /** A volume that cannot be read ends the run, but not at the price of the steps since the last checkpoint. */
  private async saveBeforeFailing(error: unknown): Promise<never> {
    if (this.saved !== this.done) await this.checkpoint().catch(() => undefined);
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
    this.steering.checkpointWanted = false;
    await this.settle(0);
    this.steering.tell('writing a checkpoint');
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
      metadata: {
        kind: config.kind,
        name: config.name,
        config: JSON.stringify(config),
        version,
        ...(this.owed && OWED),
      },
      metrics: this.last,
    };
    this.lastCheckpoint = await saveCheckpoint(runDir, state, retention);
    this.saved = this.done;
    await recorder.patch({ step: this.done, loss: this.last.loss });
    await recorder.plot();
    await recorder.log(`checkpoint ${this.lastCheckpoint}`);
    this.steering.untell();
  }
}
