import type { Config } from '../config';
import type { Batch, TrainedModel } from '../tasks';
import { groupRate } from '../protocol/metrics';
import type { Optimizer } from '../tensor/optim';
import type * as tf from '../tensor/tf';
import { scheduleOf, type RunLength } from './length';
import { TrainingStep } from './step';
import type { UpdateOptions } from './update';

/** What a step of a model trains, in the order of the optimizer. @param step optimizer steps done before */
function variablesAt<B extends Batch>({ groups, groupsAt }: TrainedModel<B>): (step: number) => readonly tf.Variable[] {
  const upTo = groups.map((_, i) =>
    groups.slice(0, i + 1).flatMap(({ parameters }) => parameters.map(({ variable }) => variable)),
  );
  return (step) => upTo[(groupsAt?.(step) ?? groups.length) - 1] ?? [];
}

/** The learning rates of groups that do not always have that of the schedule, as they are recorded: 0 where a group is kept. */
function ratesAt<B extends Batch>({ groups, groupsAt }: TrainedModel<B>): UpdateOptions['ratesAt'] {
  const trainedAt = groupsAt ?? (() => groups.length);
  // Groups are kept at the start, if at all.
  if (groups.every(({ rate }) => rate === 1) && trainedAt(0) === groups.length) return undefined;
  return (step, rate) => {
    const trained = trainedAt(step);
    const rates = groups.map((group, i) => [groupRate(group.name), i < trained ? rate * group.rate : 0] as const);
    return Object.fromEntries(rates);
  };
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
    keptAt: (step) => model.keptAt?.(step) ?? [],
    optimizer,
    schedule: scheduleOf(config, length),
    ratesAt: ratesAt(model),
    clipNorm: config.optimizer.clipNorm,
    microBatch,
    pieceRows,
    seed: config.seed,
    readLate,
  });
}
