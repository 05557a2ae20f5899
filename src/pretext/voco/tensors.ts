import * as tf from '../../tensor/tf';

/** Guards of the released code: cosines of zero vectors, and logarithms of 0. */
const COSINE_EPS = 1e-8;
const LOG_EPS = 1e-6;

/**
 * The same values as a tensor that the tape does not know, so that no gradient goes back through it. (torch's `detach`;
 * tfjs has none. The data is shared, as tfjs's Identity kernel shares it.)
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const { dataId, shape, dtype } = x;
  tf.backend().incRef(dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype }) as T;
}

/** |x| with gradient 0 at 0, as torch has it. */
export function absolute<T extends tf.Tensor>(x: T): T {
  return tf.mul(x, tf.sign(x)) as T;
}

/** −log(1 − distance), kept finite at distance 1 as in the released code. */
export function negativeLog<T extends tf.Tensor>(distance: T): T {
  return tf.neg(tf.log(tf.add(tf.sub(1, distance), LOG_EPS))) as T;
}

/** Rows scaled to length 1; a zero row stays zero. */
export function unitRows<T extends tf.Tensor>(x: T): T {
  const squared = tf.sum(tf.square(x), -1, true);
  return tf.mul(x, tf.rsqrt(tf.maximum(squared, COSINE_EPS ** 2))) as T;
}

/** Cosines between rows of the same volume: a [B, R, E], b [B, n, E] → [B, R, n]. */
export function cosines(a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor3D {
  return tf.matMul(unitRows(a), unitRows(b), false, true);
}

/**
 * The assignment of crops to bases: cosine similarity with negative values cut to 0 (paper Eq. 1; `online_assign` of the
 * released code). Rounding may give a cosine just above 1, whose logarithm would not exist: it is cut too.
 */
export function assign(crops: tf.Tensor3D, bases: tf.Tensor3D): tf.Tensor3D {
  return tf.minimum(tf.relu(cosines(crops, bases)), 1);
}

/** 1 where the label is exactly 0, else 0. */
export function isNegative(labels: tf.Tensor3D): tf.Tensor3D {
  return tf.cast(tf.equal(labels, 0), 'float32') as tf.Tensor3D;
}

/** Sum of values over that of weights, of all volumes together, as nnssl normalises. */
export function meanOfAll(values: tf.Tensor3D, weights: tf.Tensor3D): tf.Scalar {
  return tf.div(tf.sum(tf.mul(values, weights)), tf.add(tf.sum(weights), LOG_EPS));
}

/** Sum of values [B, R, n] per volume over that of weights, as the released code normalises: [B]. */
export function weightedMean(values: tf.Tensor3D, weights: tf.Tensor3D): tf.Tensor1D {
  const total = tf.sum(tf.mul(values, weights), [1, 2]);
  return tf.div(total, tf.add(tf.sum(weights, [1, 2]), LOG_EPS));
}
