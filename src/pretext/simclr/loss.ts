import * as tf from '../../tensor/tf';
import { unitRows } from '../voco/tensors';

/** Added to the logit of a pair that does not count: its exponential is 0. */
const NEVER = -1e9;

/** For each row, its group, of rows that come one after the other. */
const groupsOf = (rows: number, perGroup: number): number[] =>
  Array.from({ length: rows }, (_, i) => Math.floor(i / perGroup));

/** `[rows, rows]`: {@link NEVER} for a row with itself and with rows of another group, else 0. */
function barred(rows: number, perGroup: number): tf.Tensor2D {
  const group = groupsOf(rows, perGroup);
  const values = new Float32Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) if (i === j || group[i] !== group[j]) values[i * rows + j] = NEVER;
  return tf.tensor2d(values, [rows, rows]);
}

/** Cosines of all pairs of rows: `[rows, E]` → `[rows, rows]`. */
export function cosinesOf(embeddings: tf.Tensor2D): tf.Tensor2D {
  const unit = unitRows(embeddings);
  return tf.matMul(unit, unit, false, true);
}

export interface Contrast {
  /** The mean of {@link losses}. */
  readonly loss: tf.Scalar;
  /** Of each row, `[rows]`. */
  readonly losses: tf.Tensor1D;
  /** Share of rows whose most similar other row is their partner. */
  readonly found: tf.Scalar;
}

/**
 * NT-Xent (Chen et al. 2020) of embeddings `[rows, E]` whose rows 2i and 2i + 1 belong together: cross entropy of the partner among
 * all other rows of the group, a mean over rows.
 *
 * @param perGroup rows that are contrasted with each other; all of them by default
 */
export function ntXent(embeddings: tf.Tensor2D, temperature: number, perGroup = embeddings.shape[0]): Contrast {
  const rows = embeddings.shape[0];
  const similarity = tf.div(cosinesOf(embeddings), temperature);
  const logits = tf.add(similarity, barred(rows, perGroup)) as tf.Tensor2D;
  const partners = tf.tensor1d(
    Int32Array.from({ length: rows }, (_, i) => i ^ 1),
    'int32',
  );
  const truth = tf.oneHot(partners, rows);
  const losses = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits, 1), truth), 1)) as tf.Tensor1D;
  const found = tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), partners), 'float32')) as tf.Scalar;
  return { loss: tf.mean(losses), losses, found };
}
