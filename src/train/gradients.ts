import type { RandomStream } from '../random/random';
import {
  planRows,
  type Batch,
  type Loss,
  type LossScalars,
  type Rows,
  type SampleLoss,
  type Scalars,
  type VectorLoss,
  type Vectors,
} from '../tasks';
import { accumulate, linearize, valueAndGradients, vjp, type Gradients } from '../tensor/autodiff';
import { readScalars } from '../tensor/read';
import * as tf from '../tensor/tf';

/** Lets the control socket, signals and the heartbeat in between two pieces: kernels block this thread. */
const breathe = (): Promise<void> => new Promise((done) => setImmediate(done));

/** How a batch is cut: rows at a time, and what the gradients are of. */
export interface Pieces {
  readonly variables: readonly tf.Variable[];
  /** Rows in memory at a time. */
  readonly microBatch: number;
  /** The gradients are those of so many times the loss (float16); default 1. */
  readonly scale?: number;
  /** Draws what is random in the loss. */
  readonly random?: RandomStream;
}

/** The gradient of a batch's loss, and its scalars; both the caller's. */
export interface BatchGradient {
  /** One for each variable. */
  readonly gradients: Gradients;
  readonly scalars: LossScalars;
  /** Called when the weights were updated. */
  updated(): void;
  /** Frees the scalars and all else but the gradients. */
  dispose(): void;
}

/** A mean over rows adds up: each piece's share of the loss and of its gradient. */
async function ofSamples<B extends Batch>(loss: SampleLoss<B>, batch: B, pieces: Pieces): Promise<BatchGradient> {
  const total = loss.rows(batch);
  let gradients: Gradients | undefined;
  let scalars: LossScalars | undefined;
  for (const rows of planRows(total, pieces.microBatch)) {
    const { value, gradients: more } = valueAndGradients(
      () => shareOf(loss.loss(batch, rows), rows.count / total),
      [...pieces.variables],
      pieces.scale,
    );
    gradients = accumulate(gradients, more);
    scalars = addScalars(scalars, value);
    await breathe();
  }
  return {
    gradients: gradients!,
    scalars: scalars!,
    updated: () => loss.updated?.(),
    dispose: () => disposeAll(scalars!),
  };
}

function shareOf(scalars: LossScalars, share: number): LossScalars {
  return mapScalars(scalars, (value) => tf.mul(value, share));
}

function mapScalars(scalars: LossScalars, change: (value: tf.Scalar, name: string) => tf.Scalar): LossScalars {
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, change(value, name)])) as LossScalars;
}

function addScalars(total: LossScalars | undefined, more: LossScalars): LossScalars {
  if (!total) return more;
  const sum = mapScalars(more, (value, name) => tf.add(total[name]!, value));
  disposeAll(total);
  disposeAll(more);
  return sum;
}

const disposeAll = (scalars: LossScalars): void => tf.dispose(Object.values(scalars));

/** The vectors of all rows, a piece at a time and off the tape. */
async function vectorsOf(plan: readonly Rows[], forward: (rows: Rows) => tf.Tensor2D): Promise<tf.Tensor2D> {
  const parts: tf.Tensor2D[] = [];
  for (const rows of plan) {
    parts.push(forward(rows));
    await breathe();
  }
  if (parts.length === 1) return parts[0]!;
  const all = tf.concat2d(parts, 0);
  tf.dispose(parts);
  return all;
}

/** The vectors of all rows, and what pulls their gradient back through the networks. */
interface Forward {
  readonly vectors: tf.Tensor2D;
  /** Also gives the terms of the loss that are a mean over rows, where there are any. */
  pullback(dVectors: tf.Tensor2D): Promise<{ gradients: Gradients; terms?: LossScalars }>;
}

/** The pieces of a batch whose loss goes through vectors. The names of its terms by row are filled in as they are seen. */
class VectorPieces<B extends Batch> {
  private names: readonly string[] = [];

  constructor(
    private readonly loss: VectorLoss<B>,
    private readonly batch: B,
    private readonly total: number,
    private readonly pieces: Pieces,
  ) {}

  private outputs(rows: Rows): tf.Tensor[] {
    const { vectors, terms } = this.loss.forward(this.batch, rows);
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

  /** All rows at once: the tape is kept until the gradient is known. */
  whole(rows: Rows): Forward {
    const recording = linearize(() => this.outputs(rows), [...this.pieces.variables]);
    return {
      vectors: recording.outputs[0] as tf.Tensor2D,
      pullback: async (dVectors) => {
        const seeds = this.seeds(dVectors);
        const gradients = recording.pullback(seeds);
        tf.dispose(seeds.slice(1));
        return { gradients, terms: this.termsOf(recording.outputs) };
      },
    };
  }

  async inPieces(plan: readonly Rows[]): Promise<Forward> {
    const { vectors, terms } = await this.offTape(plan);
    if (terms) disposeAll(terms);
    return { vectors, pullback: (dVectors) => this.pull(plan, dVectors) };
  }

  /** Vectors and terms of all rows, without a tape. */
  async offTape(plan: readonly Rows[]): Promise<{ vectors: tf.Tensor2D; terms?: LossScalars }> {
    let terms: LossScalars | undefined;
    const vectors = await vectorsOf(plan, (rows) => {
      const outputs = tf.tidy(() => this.outputs(rows));
      const more = this.termsOf(outputs);
      if (more) terms = addScalars(terms, more);
      return outputs[0] as tf.Tensor2D;
    });
    return { vectors, terms };
  }

  private async pull(
    plan: readonly Rows[],
    dVectors: tf.Tensor2D,
  ): Promise<{ gradients: Gradients; terms?: LossScalars }> {
    let total: Gradients | undefined;
    let terms: LossScalars | undefined;
    for (const rows of plan) {
      const dy = tf.slice2d(dVectors, [rows.first, 0], [rows.count, dVectors.shape[1]]);
      const { outputs, gradients } = this.piece(rows, dy);
      const more = this.termsOf(outputs);
      tf.dispose([dy, outputs[0]!]);
      total = accumulate(total, gradients);
      if (more) terms = addScalars(terms, more);
      await breathe();
    }
    return { gradients: total!, terms };
  }

  private piece(rows: Rows, dy: tf.Tensor2D): { outputs: tf.Tensor[]; gradients: Gradients } {
    // The names of the terms are known once the first piece ran, which it did without a tape.
    const seeds = this.seeds(dy);
    const result = vjp(() => this.outputs(rows), seeds, [...this.pieces.variables]);
    tf.dispose(seeds.slice(1));
    return result;
  }
}

async function ofVectors<B extends Batch>(loss: VectorLoss<B>, batch: B, pieces: Pieces): Promise<BatchGradient> {
  const plan = planRows(loss.rows(batch), pieces.microBatch);
  const parts = new VectorPieces(loss, batch, loss.rows(batch), pieces);
  const forward = plan.length === 1 ? parts.whole(plan[0]!) : await parts.inPieces(plan);
  loss.follow?.();
  const vectors = await withFixed(loss, batch, plan, forward.vectors);
  const { value: result, gradients } = valueAndGradients(
    () => loss.joint(vectors, batch, pieces.random),
    [forward.vectors, ...pieces.variables],
    pieces.scale,
  );
  const [direct, ...joint] = gradients;
  const dVectors = (direct ?? tf.zerosLike(forward.vectors)) as tf.Tensor2D;
  const { gradients: through, terms } = await forward.pullback(dVectors);
  dVectors.dispose();
  const scalars = tf.tidy(() => withTerms(loss.describe(result, batch), terms));
  return {
    gradients: accumulate(joint, through),
    scalars,
    updated: () => loss.updated?.(result, vectors),
    dispose: () => tf.dispose([result, scalars, { ...vectors }, ...(terms ? Object.values(terms) : [])]),
  };
}

async function withFixed<B extends Batch>(
  loss: VectorLoss<B>,
  batch: B,
  plan: readonly Rows[],
  student: tf.Tensor2D,
): Promise<Vectors> {
  if (!loss.fixed) return { student };
  return { student, fixed: await vectorsOf(plan, (rows) => tf.tidy(() => loss.fixed!(batch, rows))) };
}

function withTerms(scalars: LossScalars, terms: LossScalars | undefined): LossScalars {
  if (!terms) return scalars;
  return { ...terms, ...scalars, loss: tf.add<tf.Scalar>(scalars.loss, terms.loss) };
}

/** The exact gradient of a batch's loss, a few rows at a time (docs/architecture.md). */
export function gradientOf<B extends Batch>(loss: Loss<B>, batch: B, pieces: Pieces): Promise<BatchGradient> {
  return loss.reach === 'sample' ? ofSamples(loss, batch, pieces) : ofVectors(loss, batch, pieces);
}

/** The loss of a held-out batch and what describes it, without any update. */
export async function evaluateLoss<B extends Batch>(loss: Loss<B>, batch: B, microBatch: number): Promise<Scalars> {
  const total = loss.rows(batch);
  const plan = planRows(total, microBatch);
  if (loss.reach === 'sample') {
    let sum: LossScalars | undefined;
    for (const rows of plan) {
      sum = addScalars(
        sum,
        tf.tidy(() => shareOf(loss.loss(batch, rows), rows.count / total)),
      );
      await breathe();
    }
    return readAndDispose(sum!);
  }
  const parts = new VectorPieces(loss, batch, total, { variables: [], microBatch });
  const { vectors: student, terms } = await parts.offTape(plan);
  const vectors = await withFixed(loss, batch, plan, student);
  const scalars = tf.tidy(() => withTerms(loss.describe(loss.joint(vectors, batch), batch), terms));
  // The terms are among the scalars.
  const values = await readAndDispose(scalars);
  tf.dispose([{ ...vectors }, { ...terms }]);
  return values;
}

async function readAndDispose(scalars: LossScalars): Promise<Scalars> {
  const values = await readScalars(scalars);
  disposeAll(scalars);
  return values;
}
