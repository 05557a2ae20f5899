import * as tf from '../../../tensor/tf';
import { absolute, cosines, isNegative, negativeLog, stopGradient, weightedMean } from '../tensors';

/** −Σ y·log(1 − |y − l|) / Σ y per volume, averaged over volumes: labels and assignments [B, R, n]. */
export function positiveLoss(labels: tf.Tensor3D, assignments: tf.Tensor3D): tf.Scalar {
  return tf.mean(weightedMean(negativeLog(absolute(tf.sub(labels, assignments))), labels));
}

/** Mean of l² where the label is 0 (`voco-10k`). */
export function squaredNegativeLoss(labels: tf.Tensor3D, assignments: tf.Tensor3D): tf.Scalar {
  return tf.mean(weightedMean(tf.square(assignments), isNegative(labels)));
}

/** Mean of −log(1 − l) where the label is 0 (`tpami`). */
export function logNegativeLoss(labels: tf.Tensor3D, assignments: tf.Tensor3D): tf.Scalar {
  return tf.mean(weightedMean(negativeLog(assignments), isNegative(labels)));
}

/** 1 for pairs i < j of n bases, else 0: [n, n]. */
function upperTriangle(n: number): tf.Tensor2D {
  const mask = new Float32Array(n * n);
  for (let i = 0; i < n; i++) mask.fill(1, i * n + i + 1, (i + 1) * n);
  return tf.tensor2d(mask, [n, n]);
}

function meanOverPairs(values: tf.Tensor3D): tf.Scalar {
  const n = values.shape[1];
  const sum = tf.sum(tf.mul(values, upperTriangle(n)), [1, 2]);
  return tf.mean(tf.div(sum, Math.max((n * (n - 1)) / 2, 1)));
}

/**
 * `regularization_loss` of the released code: mean over pairs i < j of ReLU(cos(q_i, q_j))², with gradient to the first of
 * each pair only. bases [B, n, E].
 */
export function releasedRegularizer(bases: tf.Tensor3D): tf.Scalar {
  return meanOverPairs(tf.square(tf.relu(cosines(bases, stopGradient(bases)))));
}

/** nnssl's: mean over pairs of ReLU(cos(q_i, q_j)), with gradient to both. bases [B, n, E]. */
export function cutRegularizer(bases: tf.Tensor3D): tf.Scalar {
  return meanOverPairs(tf.relu(cosines(bases, bases)));
}

/** The paper's Eq. 5: mean over pairs of |cos(q_i, q_j)|, with gradient to both. bases [B, n, E]. */
export function paperRegularizer(bases: tf.Tensor3D): tf.Scalar {
  return meanOverPairs(absolute(cosines(bases, bases)));
}
