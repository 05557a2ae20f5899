import type { Case } from '../data/datalist';
import type { Loaded, Loader } from '../loader';
import type { TensorEntry } from '../runs/safetensors';
import type { Batch, TrainedModel, TrainingTask } from '../tasks';
import type { Optimizer } from '../tensor/optim';
import { evaluateLoss } from './gradients';
import type { Training } from './loop';
import { checkpointTensors } from './state';
import type { TrainingStep } from './step';
import type { StartedStep, StepScalars } from './types';

/** Held-out volumes on which a loss is measured at each validation: more would cost time and tell little more. */
const MAX_VALIDATION_CASES = 32;

export interface TrainingParts<B extends Batch> {
  readonly task: Pick<TrainingTask, 'describeBatch' | 'summary'>;
  readonly model: TrainedModel<B>;
  readonly optimizer: Optimizer;
  readonly step: TrainingStep<B>;
  readonly loader: Loader<Case, B>;
  readonly validation: readonly Case[];
  /** Rows in memory at a time. */
  readonly microBatch: number;
}

/** Any task as the training loop sees it. */
export class TaskTraining<B extends Batch> implements Training<Loaded<B>> {
  constructor(private readonly parts: TrainingParts<B>) {}

  next(): Promise<Loaded<B>> {
    return this.parts.loader.next();
  }

  step(batch: Loaded<B>, done: number): Promise<StartedStep> {
    return this.parts.step.run(batch, done);
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

  async validate(): Promise<StepScalars | undefined> {
    const { validation, model } = this.parts;
    if (validation.length === 0) return undefined;
    return model.validate ? model.validate() : this.heldOutLoss();
  }

  /** The means of the loss and of what describes it over held-out cases. */
  private async heldOutLoss(): Promise<StepScalars> {
    const { validation, loader, model, microBatch } = this.parts;
    const cases = validation.slice(0, MAX_VALIDATION_CASES);
    const sums: Record<string, number> = {};
    for (const [draw, item] of cases.entries()) {
      const batch = await loader.validationBatch(item, draw);
      for (const [name, value] of Object.entries(await evaluateLoss(model.loss, batch, microBatch))) {
        sums[name] = (sums[name] ?? 0) + value / cases.length;
      }
    }
    return sums;
  }

  tensors(): Promise<TensorEntry[]> {
    return checkpointTensors(this.parts.model.weights, this.parts.optimizer);
  }

  summary(scalars: StepScalars, validation: StepScalars | undefined): string {
    return this.parts.task.summary(scalars, validation);
  }
}
