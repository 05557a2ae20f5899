import type { Config } from '../config';
import type { Batch, TrainedModel } from '../tasks';
import type { Optimizer } from '../tensor/optim';
import type * as tf from '../tensor/tf';
import { scheduleOf, type RunLength } from './length';
import { TrainingStep } from './step';

/** What a step of a model trains, in the order of the optimizer. @param step optimizer steps done before */
function variablesAt<B extends Batch>({ groups, groupsAt }: TrainedModel<B>): (step: number) => readonly tf.Variable[] {
  const upTo = groups.map((_, i) =>
    groups.slice(0, i + 1).flatMap(({ parameters }) => parameters.map(({ variable }) => variable)),
  );
  return (step) => upTo[(groupsAt?.(step) ?? groups.length) - 1] ?? [];
}

export interface StepParts<B extends Batch> {
  readonly config: Config;
  readonly model: TrainedModel<B>;
  readonly optimizer: Optimizer;
  readonly length: RunLength;
  readonly microBatch: number;
  readonly pieceRows: number;
  /** Update before a step's numbers are known. */
  readonly readLate: boolean;
}

/** Makes the training step of a model. */
export function buildStep<B extends Batch>(parts: StepParts<B>): TrainingStep<B> {
  const { config, model, optimizer, length, microBatch, pieceRows, readLate } = parts;
  return new TrainingStep({
    loss: model.loss,
    variablesAt: variablesAt(model),
    optimizer,
    schedule: scheduleOf(config, length),
    clipNorm: config.optimizer.clipNorm,
    microBatch,
    pieceRows,
    seed: config.seed,
    readLate,
  });
}
