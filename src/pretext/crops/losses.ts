import * as tf from '../../tensor/tf';
import { stopGradient } from '../voco/tensors';

/** Mean of each row over the voxels that the mask marks (all without one), then the mean over rows; `[rows, voxels, C]`. */
function maskedMean(values: tf.Tensor3D, mask?: tf.Tensor3D): tf.Scalar {
  if (!mask) return tf.mean(values);
  const channels = values.shape[2];
  const each = tf.sum(tf.sum(tf.mul(values, mask), 2), 1);
  const count = tf.mul(tf.sum(tf.sum(mask, 2), 1), channels);
  // A row without a marked voxel asks nothing: its sum is 0.
  return tf.mean(tf.div(each, tf.maximum(count, 1)));
}

/**
 * Mean squared error of each row over the voxels that the mask marks (all without one), then the mean over rows.
 *
 * @param output, target `[rows, voxels, C]`; @param mask `[rows, voxels, 1]`
 */
export const maskedSquaredError = (output: tf.Tensor3D, target: tf.Tensor3D, mask?: tf.Tensor3D): tf.Scalar =>
  maskedMean(tf.square(tf.sub<tf.Tensor3D>(output, target)), mask);

/** Mean absolute error; otherwise as {@link maskedSquaredError}. */
export const maskedAbsoluteError = (output: tf.Tensor3D, target: tf.Tensor3D, mask?: tf.Tensor3D): tf.Scalar =>
  maskedMean(tf.abs(tf.sub<tf.Tensor3D>(output, target)), mask);

/** Least product of two standard deviations: a row of air has none. */
const LEAST_SPREAD = 1e-6;

/**
 * Pearson's correlation of restored and true voxels, of those that the mask marks (all without one), a mean over rows: 1 at best,
 * 0 for an answer that says nothing. Shapes as in {@link maskedSquaredError}.
 */
export function voxelCorrelation(output: tf.Tensor3D, target: tf.Tensor3D, mask?: tf.Tensor3D): tf.Scalar {
  return tf.tidy(() => {
    const marked = mask ?? tf.onesLike(tf.slice3d(target, [0, 0, 0], [-1, -1, 1]));
    const total = (x: tf.Tensor): tf.Tensor => tf.sum(tf.sum(tf.mul(x, marked), 2, true), 1, true);
    const count = tf.mul(tf.maximum(tf.sum(marked, 1, true), 1), target.shape[2]);
    const centred = (x: tf.Tensor3D): tf.Tensor => tf.sub(x, tf.div(total(x), count));
    const [a, b] = [centred(output), centred(target)];
    const spread = tf.sqrt(tf.mul(total(tf.square(a)), total(tf.square(b))));
    return tf.mean(tf.div(total(tf.mul(a, b)), tf.maximum(spread, LEAST_SPREAD))) as tf.Scalar;
  });
}

/**
 * Cross entropy of logits `[rows, K]` with one class a row, and the share of rows whose largest logit is that class.
 *
 * @param labels one class a row
 */
export function classLoss(logits: tf.Tensor2D, labels: Uint8Array): { loss: tf.Scalar; accuracy: tf.Scalar } {
  const [rows, classes] = logits.shape;
  const truth = tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), classes);
  const loss = tf.neg(tf.div(tf.sum(tf.mul(tf.logSoftmax(logits, 1), truth)), rows)) as tf.Scalar;
  // No gradient goes through the accuracy.
  const hit = tf.equal(tf.argMax(stopGradient(logits), 1), tf.tensor1d(Int32Array.from(labels), 'int32'));
  return { loss, accuracy: tf.mean(tf.cast(hit, 'float32')) };
}
