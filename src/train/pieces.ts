import type { RandomStream } from '../random/random';
import type { TrainingPass } from '../nets';
import { breathe } from '../rpc/breath';
import { planRows, type LossScalars, type Rows } from '../tasks';
import * as tf from '../tensor/tf';

/** How a batch is cut: rows at a time, and what the gradients are of. */
export interface Pieces {
  readonly variables: readonly tf.Variable[];
  /** Weights of a network that is trained at other steps: its norms use running statistics, which stay as they are. */
  readonly kept?: readonly tf.Variable[] | undefined;
  /** Rows in memory at a time. */
  readonly microBatch: number;
  /** Rows computed between two calls of {@link giveWay}; default: those in memory. */
  readonly pieceRows?: number;
  /** Called between two pieces: where it rejects, all is as before the step. */
  readonly giveWay?: (done: number, total: number) => Promise<void>;
  /** The gradients are those of so many times the loss (float16); default 1. */
  readonly scale?: number;
  /** Draws what is random in the loss. */
  readonly random?: RandomStream;
  /** Of a training step; left out where running statistics are used. */
  readonly pass?: TrainingPass;
}

/** Runs `forward` in the pass of a training step, where there is one. */
export const inPass = <T>({ pass }: Pick<Pieces, 'pass'>, forward: () => T): T =>
  pass ? pass.run(forward) : forward();

/** Counts the pieces of a step, and gives way after each. */
export class Turns {
  private done = 0;

  constructor(
    private readonly total: number,
    private readonly giveWay: Pieces['giveWay'],
  ) {}

  async next(): Promise<void> {
    this.done += 1;
    await (this.giveWay ? this.giveWay(this.done, this.total) : breathe());
  }
}

export const planOf = (total: number, { microBatch, pieceRows = Infinity }: Pieces): Rows[] =>
  planRows(total, Math.min(microBatch, pieceRows));

export function shareOf(scalars: LossScalars, share: number): LossScalars {
  return mapScalars(scalars, (value) => tf.mul(value, share));
}

function mapScalars(scalars: LossScalars, change: (value: tf.Scalar, name: string) => tf.Scalar): LossScalars {
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, change(value, name)])) as LossScalars;
}

export function addScalars(total: LossScalars | undefined, more: LossScalars): LossScalars {
  if (!total) return more;
  const sum = mapScalars(more, (value, name) => tf.add(total[name]!, value));
  disposeAll(total);
  disposeAll(more);
  return sum;
}

export const disposeAll = (scalars: Readonly<Record<string, tf.Tensor>>): void => tf.dispose(Object.values(scalars));
