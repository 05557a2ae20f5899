import type { Batch, LossScalars, Rows, VectorLoss } from '../tasks';
import { accumulate, disposeGradients, linearize, vjp, type Gradients, type Recording } from '../tensor/autodiff';
import * as tf from '../tensor/tf';
import { addScalars, disposeAll, inPass, shareOf, type Pieces } from './pieces';

/** The vectors of all rows, a piece at a time and off the tape. */
export async function vectorsOf(
  plan: readonly Rows[],
  forward: (rows: Rows) => tf.Tensor2D,
  next: () => Promise<void>,
): Promise<tf.Tensor2D> {
  const parts: tf.Tensor2D[] = [];
  try {
    for (const rows of plan) {
      parts.push(forward(rows));
      await next();
    }
  } catch (error) {
    tf.dispose(parts);
    throw error;
  }
  return joined(parts);
}

/** One below the other; the parts are taken over. */
function joined(parts: tf.Tensor2D[]): tf.Tensor2D {
  if (parts.length === 1) return parts[0]!;
  const all = tf.concat2d(parts, 0);
  tf.dispose(parts);
  return all;
}

interface PulledBack {
  readonly gradients: Gradients;
  /** The terms of the loss that are a mean over rows, where there are any. */
  readonly terms?: LossScalars;
}

/** The vectors of all rows, and what pulls their gradient back through the networks. */
interface Forward {
  readonly vectors: tf.Tensor2D;
  pullback(dVectors: tf.Tensor2D): Promise<PulledBack>;
  /** Frees what is kept for a pullback that does not come; the vectors as well. */
  dispose(): void;
}

/** The pieces of a batch whose loss goes through vectors. The names of its terms by row are filled in as they are seen. */
export class VectorPieces<B extends Batch> {
  private names: readonly string[] = [];

  constructor(
    private readonly loss: VectorLoss<B>,
    private readonly batch: B,
    private readonly total: number,
    private readonly pieces: Pieces,
    private readonly plan: readonly Rows[],
    /** Called after each piece. */
    private readonly next: () => Promise<void>,
  ) {}

  private outputs(rows: Rows): tf.Tensor[] {
    const { vectors, terms } = inPass(this.pieces, () => this.loss.forward(this.batch, rows));
    this.names = Object.keys(terms ?? {});
    return [vectors, ...(terms ? Object.values(shareOf(terms, rows.count / this.total)) : [])];
  }

  /** Gradients of the outputs of a piece: of the terms only `loss` counts. */
  private seeds(dVectors: tf.Tensor2D): tf.Tensor[] {
    const scale = this.pieces.scale ?? 1;
    return [dVectors, ...this.names.map((name) => tf.scalar(name === 'loss' ? scale : 0))];
  }

  private termsOf(outputs: readonly tf.Tensor[]): LossScalars | undefined {
    if (this.names.length === 0) return undefined;
    return Object.fromEntries(this.names.map((name, i) => [name, outputs[i + 1]!])) as LossScalars;
  }

  /** All rows fit into memory: the tapes are kept until the gradient is known. */
  async onTape(): Promise<Forward> {
    const recordings: Recording[] = [];
    const dispose = (): void => {
      for (const recording of recordings.splice(0)) {
        recording.dispose();
        tf.dispose(recording.outputs);
      }
    };
    try {
      for (const rows of this.plan) {
        recordings.push(linearize(() => this.outputs(rows), [...this.pieces.variables]));
        if (this.plan.length > 1) await this.next();
      }
    } catch (error) {
      dispose();
      throw error;
    }
    const parts = recordings.map(({ outputs }) => outputs[0] as tf.Tensor2D);
    const vectors = parts.length === 1 ? parts[0]! : tf.concat2d(parts, 0);
    const pullback = (dVectors: tf.Tensor2D): Promise<PulledBack> =>
      this.pull(dVectors, (_, dy) => {
        const { outputs, pullback } = recordings.shift()!;
        const gradients = this.seeded(dy, pullback);
        return { outputs, gradients };
      });
    const disposeAllOfIt = (): void => {
      if (!vectors.isDisposed) vectors.dispose();
      dispose();
    };
    return { vectors, pullback, dispose: disposeAllOfIt };
  }

  /** Only some rows fit: each piece goes forward without a tape now, and with one when the gradient is known. */
  async inPieces(): Promise<Forward> {
    const { vectors, terms } = await this.offTape();
    if (terms) disposeAll(terms);
    const pullback = (dVectors: tf.Tensor2D): Promise<PulledBack> =>
      this.pull(dVectors, (rows, dy) =>
        // The names of the terms are known: the piece ran before, without a tape.
        this.seeded(dy, (seeds) => vjp(() => this.outputs(rows), seeds, [...this.pieces.variables])),
      );
    return { vectors, pullback, dispose: () => vectors.dispose() };
  }

  /** Vectors and terms of all rows, without a tape. */
  async offTape(): Promise<{ vectors: tf.Tensor2D; terms?: LossScalars }> {
    let terms: LossScalars | undefined;
    const forward = (rows: Rows): tf.Tensor2D => {
      const outputs = tf.tidy(() => this.outputs(rows));
      const more = this.termsOf(outputs);
      if (more) terms = addScalars(terms, more);
      return outputs[0] as tf.Tensor2D;
    };
    try {
      return { vectors: await vectorsOf(this.plan, forward, this.next), terms };
    } catch (error) {
      disposeAll(terms ?? {});
      throw error;
    }
  }

  private seeded<T>(dy: tf.Tensor2D, work: (seeds: tf.Tensor[]) => T): T {
    const seeds = this.seeds(dy);
    try {
      return work(seeds);
    } finally {
      tf.dispose(seeds.slice(1));
    }
  }

  private async pull(
    dVectors: tf.Tensor2D,
    piece: (rows: Rows, dy: tf.Tensor2D) => { outputs: tf.Tensor[]; gradients: Gradients },
  ): Promise<PulledBack> {
    let total: Gradients | undefined;
    let terms: LossScalars | undefined;
    const whole = this.plan.length === 1;
    try {
      for (const rows of this.plan) {
        const dy = whole ? dVectors : tf.slice2d(dVectors, [rows.first, 0], [rows.count, dVectors.shape[1]]);
        const { outputs, gradients } = piece(rows, dy);
        const more = this.termsOf(outputs);
        // The vectors of a single piece are those of the step.
        if (!whole) tf.dispose([dy, outputs[0]!]);
        total = accumulate(total, gradients);
        if (more) terms = addScalars(terms, more);
        if (!whole) await this.next();
      }
    } catch (error) {
      disposeGradients(total ?? []);
      disposeAll(terms ?? {});
      throw error;
    }
    return { gradients: total!, terms };
  }
}
