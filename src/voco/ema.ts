import * as tf from '../tensor/tf';

/** average ← m·average + (1 − m)·value for each pair (VoCo models/voco_head.py; no schedule, no bias correction). */
export function updateAverage(pairs: readonly { average: tf.Variable; value: tf.Tensor }[], momentum: number): void {
  for (const { average, value } of pairs) {
    tf.tidy(() => average.assign(tf.add(tf.mul(average, momentum), tf.mul(value, 1 - momentum))));
  }
}
