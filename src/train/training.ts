import type { Case } from '../data/datalist';
import { BadCaseError, UserError } from '../errors/userError';
import type { Loaded, Loader } from '../loader';
import type { Watched } from '../rpc/breath';
import type { TensorEntry } from '../runs/safetensors';
import type { Batch, TrainedModel, TrainingTask } from '../tasks';
import { troubleIn, type MetricChart } from '../tasks/descriptor';
import type { Optimizer } from '../tensor/optim';
import { evaluateLoss } from './gradients';
import type { Training } from './loop';
import { checkpointTensors } from './state';
import { refuseEmpty, SKIP_ADVICE, type SkipList } from './skipList';
import type { Pieces } from './pieces';
import type { TrainingStep } from './step';
import type { StartedStep, StepScalars } from './types';

/** Steps in a row that say the same before it is told. */
const TROUBLED_STEPS = 20;

/** Held-out volumes on which a loss is measured at each validation: more would cost time and tell little more. */
const MAX_VALIDATION_CASES = 32;

export interface TrainingParts<B extends Batch> {
  readonly task: Pick<TrainingTask, 'describeBatch' | 'summary'>;
  readonly charts: readonly MetricChart[];
  /** Tells a person, each text once. */
  readonly onWarning?: (text: string) => void;
  readonly model: TrainedModel<B>;
  readonly optimizer: Optimizer;
  readonly step: TrainingStep<B>;
  readonly loader: Loader<Case, B>;
  /** All held-out cases, with those that are left out. */
  readonly validation: readonly Case[];
  readonly skipped: SkipList;
  /** Rows that pass through the network at a time in a validation. */
  readonly microBatch: number;
}

/** Any task as the training loop sees it. */
export class TaskTraining<B extends Batch> implements Training<Loaded<B>> {
  private troubled = 0;

  constructor(private readonly parts: TrainingParts<B>) {}

  next(): Promise<Loaded<B>> {
    return this.parts.loader.next().catch((error: unknown) => {
      if (!(error instanceof BadCaseError)) throw error;
      throw new UserError(`${error.message}; or ${SKIP_ADVICE}`, error.exitCode, { cause: error });
    });
  }

  step(batch: Loaded<B>, done: number, giveWay?: Pieces['giveWay']): Promise<StartedStep> {
    return this.parts.step.run(batch, done, giveWay);
  }

  release(batch: Loaded<B>): void {
    this.parts.loader.release(batch);
  }

  cropCount(batch: Loaded<B>): number {
    return this.parts.model.loss.rows(batch);
  }

  describe(batch: Loaded<B>): Record<string, unknown> {
    return this.parts.task.describeBatch(batch);
  }

  async validate(watched: Watched): Promise<StepScalars | undefined> {
    const { validation, model } = this.parts;
    if (validation.length === 0) return undefined;
    return model.validate ? model.validate(watched) : this.heldOutLoss(watched);
  }

  /** The means of the loss and of what describes it over held-out cases. */
  private async heldOutLoss(watched: Watched): Promise<StepScalars> {
    const { validation, loader, model, microBatch, skipped } = this.parts;
    const total = Math.min(validation.length, MAX_VALIDATION_CASES);
    const all: StepScalars[] = [];
    let reason = '';
    for (const [draw, item] of validation.entries()) {
      if (all.length === MAX_VALIDATION_CASES) break;
      if (skipped.has(item)) continue;
      watched.tell(`validating case ${all.length + 1} of ${total}`, all.length / total);
      await watched.giveWay();
      const batch = await loader.validationBatch(item, draw).catch((error: unknown) => {
        if (!(error instanceof BadCaseError) || skipped.onBadCase !== 'skip') throw error;
        skipped.add(item, 'validation', (reason = error.message));
      });
      if (batch) all.push(await evaluateLoss(model.loss, batch, microBatch, () => watched.giveWay()));
    }
    refuseEmpty(validation, skipped, 'validation', reason);
    const names = Object.keys(all[0] ?? {});
    return Object.fromEntries(
      names.map((name) => [name, all.reduce((sum, scalars) => sum + scalars[name]! / all.length, 0)]),
    );
  }

  /** One step may be odd by chance: so many in a row are not. */
  watch(scalars: StepScalars): void {
    const trouble = troubleIn(this.parts.charts, scalars);
    this.troubled = trouble === undefined ? 0 : this.troubled + 1;
    if (trouble !== undefined && this.troubled === TROUBLED_STEPS) this.parts.onWarning?.(trouble);
  }

  tensors(): Promise<TensorEntry[]> {
    return checkpointTensors(this.parts.model.weights, this.parts.optimizer);
  }

  summary(scalars: StepScalars, validation: StepScalars | undefined): string {
    return this.parts.task.summary(scalars, validation);
  }
}
