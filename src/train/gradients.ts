import { TrainingPass } from '../nets';
import { breathe } from '../rpc/breath';
import {
  planRows,
  type Batch,
  type Loss,
  type LossScalars,
  type Remembered,
  type Rows,
  type SampleLoss,
  type Scalars,
  type VectorLoss,
  type Vectors,
} from '../tasks';
import { accumulate, disposeGradients, valueAndGradients, type Gradients } from '../tensor/autodiff';
import { readScalars } from '../tensor/read';
import * as tf from '../tensor/tf';
import { addScalars, disposeAll, inPass, planOf, shareOf, Turns, type Pieces } from './pieces';
import { VectorPieces, vectorsOf } from './vectorPieces';

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
  const plan = planOf(total, pieces);
  const turns = new Turns(plan.length, pieces.giveWay);
  let gradients: Gradients | undefined;
  let scalars: LossScalars | undefined;
  try {
    for (const rows of plan) {
      const { value, gradients: more } = valueAndGradients(
        () =>
          shareOf(
            inPass(pieces, () => loss.loss(batch, rows)),
            rows.count / total,
          ),
        [...pieces.variables],
        pieces.scale,
      );
      gradients = accumulate(gradients, more);
      scalars = addScalars(scalars, value);
      await turns.next();
    }
  } catch (error) {
    disposeGradients(gradients ?? []);
    disposeAll(scalars ?? {});
    throw error;
  }
  return {
    gradients: gradients!,
    scalars: scalars!,
    updated: () => loss.updated?.(),
    dispose: () => disposeAll(scalars!),
  };
}

async function ofVectors<B extends Batch>(loss: VectorLoss<B>, batch: B, pieces: Pieces): Promise<BatchGradient> {
  const total = loss.rows(batch);
  const plan = planOf(total, pieces);
  const turns = new Turns(plan.length * (loss.fixed ? 3 : 2), pieces.giveWay);
  let remembered: Remembered | undefined;
  let leavable = true;
  const next = (): Promise<void> => (leavable ? turns.next() : breathe());
  const parts = new VectorPieces(loss, batch, total, pieces, plan, next);
  const forward = total <= pieces.microBatch ? await parts.onTape() : await parts.inPieces();
  const owned: tf.TensorContainer[] = [];
  try {
    if (loss.follow && plan.length > 1) remembered = loss.remember?.();
    loss.follow?.();
    // What has moved and cannot be put back has moved for good. After a single piece nothing long comes.
    leavable = !loss.follow || remembered !== undefined;
    const vectors = await withFixed(loss, batch, { plan, next, pass: pieces.pass }, forward.vectors);
    if (vectors.fixed) owned.push(vectors.fixed);
    const { value: result, gradients } = valueAndGradients(
      () => inPass(pieces, () => loss.joint(vectors, batch, pieces.random)),
      [forward.vectors, ...pieces.variables],
      pieces.scale,
    );
    const [direct, ...joint] = gradients;
    const dVectors = (direct ?? tf.zerosLike(forward.vectors)) as tf.Tensor2D;
    owned.push(
      result,
      dVectors,
      joint.filter((gradient) => gradient !== null),
    );
    const { gradients: through, terms } = await forward.pullback(dVectors);
    dVectors.dispose();
    const scalars = tf.tidy(() => withTerms(loss.describe(result, batch), terms));
    remembered?.forget();
    return {
      gradients: accumulate(joint, through),
      scalars,
      updated: () => loss.updated?.(result, vectors),
      dispose: () => tf.dispose([result, scalars, { ...vectors }, ...(terms ? Object.values(terms) : [])]),
    };
  } catch (error) {
    remembered?.restore();
    forward.dispose();
    tf.dispose(owned);
    throw error;
  }
}

interface Passage extends Pick<Pieces, 'pass'> {
  readonly plan: readonly Rows[];
  readonly next: () => Promise<void>;
}

/** A teacher's batch norms, too, take the statistics of the batch in a training step, as in the released codes. */
async function withFixed<B extends Batch>(
  loss: VectorLoss<B>,
  batch: B,
  { plan, next, pass }: Passage,
  student: tf.Tensor2D,
): Promise<Vectors> {
  if (!loss.fixed) return { student };
  const fixed = (rows: Rows): tf.Tensor2D => tf.tidy(() => inPass({ pass }, () => loss.fixed!(batch, rows)));
  return { student, fixed: await vectorsOf(plan, fixed, next) };
}

function withTerms(scalars: LossScalars, terms: LossScalars | undefined): LossScalars {
  if (!terms) return scalars;
  return { ...terms, ...scalars, loss: tf.add<tf.Scalar>(scalars.loss, terms.loss) };
}

/**
 * The exact gradient of a batch's loss, a few rows at a time (docs/architecture.md). Running statistics of batch norms move with the
 * update of the weights, and only then.
 */
export async function gradientOf<B extends Batch>(loss: Loss<B>, batch: B, pieces: Pieces): Promise<BatchGradient> {
  const pass = new TrainingPass(pieces.kept);
  const inTraining = { ...pieces, pass };
  try {
    const gradient = await (loss.reach === 'sample'
      ? ofSamples(loss, batch, inTraining)
      : ofVectors(loss, batch, inTraining));
    return {
      ...gradient,
      updated: () => {
        pass.apply();
        gradient.updated();
      },
      dispose: () => {
        pass.dispose();
        gradient.dispose();
      },
    };
  } catch (error) {
    pass.dispose();
    throw error;
  }
}

/**
 * The loss of a held-out batch and what describes it, without any update.
 *
 * @param giveWay called between two pieces
 */
export async function evaluateLoss<B extends Batch>(
  loss: Loss<B>,
  batch: B,
  microBatch: number,
  giveWay: () => Promise<void> = breathe,
): Promise<Scalars> {
  const total = loss.rows(batch);
  const plan = planRows(total, microBatch);
  if (loss.reach === 'sample') {
    let sum: LossScalars | undefined;
    for (const rows of plan) {
      sum = addScalars(
        sum,
        tf.tidy(() => shareOf(loss.loss(batch, rows), rows.count / total)),
      );
      await giveWay();
    }
    return readAndDispose(sum!);
  }
  const parts = new VectorPieces(loss, batch, total, { variables: [], microBatch }, plan, giveWay);
  const { vectors: student, terms } = await parts.offTape();
  const vectors = await withFixed(loss, batch, { plan, next: giveWay }, student);
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
