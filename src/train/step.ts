import { RandomStream, streamId } from '../random/random';
import type { Batch, Loss } from '../tasks';
import * as tf from '../tensor/tf';
import { gradientOf } from './gradients';
import type { Pieces } from './pieces';
import type { StartedStep } from './types';
import { endStep, type UpdateOptions } from './update';

export interface StepOptions<B extends Batch> extends Omit<UpdateOptions, 'updated'> {
  readonly loss: Loss<B>;
  /** What a step trains, in the order of the optimizer. @param step optimizer steps done before */
  readonly variablesAt: (step: number) => readonly tf.Variable[];
  /** What a step keeps as it is, statistics included. @param step optimizer steps done before */
  readonly keptAt?: ((step: number) => readonly tf.Variable[]) | undefined;
  /** Rows in memory at a time. */
  readonly microBatch: number;
  /** Rows computed before signals are looked for. */
  readonly pieceRows?: number;
  readonly seed: number;
}

/** The stream of what is random in a loss. Its name is from its first use and stays, so that older runs resume exactly. */
const LOSS_STREAM = streamId('feature-dropout');

/** One training step of any task: the exact gradient in pieces, then the update. */
export class TrainingStep<B extends Batch> {
  constructor(private readonly options: StepOptions<B>) {}

  /**
   * @param step optimizer steps done so far: 0 for the first
   * @param giveWay called between two pieces; where it rejects, all is as before the step
   */
  async run(batch: B, step: number, giveWay?: Pieces['giveWay']): Promise<StartedStep> {
    const { loss, variablesAt, keptAt, microBatch, pieceRows, seed, optimizer } = this.options;
    const variables = variablesAt(step);
    const random = new RandomStream(seed, LOSS_STREAM, step);
    const scale = optimizer.lossScale?.value;
    const { gradients, scalars, updated, dispose } = await gradientOf(loss, batch, {
      variables,
      kept: keptAt?.(step),
      microBatch,
      pieceRows,
      giveWay,
      scale,
      random,
    });
    const started = await endStep({ ...this.options, updated }, gradients, scalars, step);
    dispose();
    return started;
  }
}
