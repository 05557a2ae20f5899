import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import { ids, inPlaceUpdates, replace, unshare } from './inPlace';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), norm being the Euclidean norm of them together
 * (torch.nn.utils.clip_grad_norm_). The gradients are replaced in the array; the old ones are disposed.
 *
 * @returns the norm before clipping, a scalar tensor of the caller's.
 */
export function clipGlobalNorm(gradients: Gradients, maxNorm: number): tf.Scalar {
  const norm = globalNorm(gradients);
  const scale = tf.tidy(() => tf.minimum(1, tf.div(maxNorm, tf.add(norm, 1e-6))));
  scaleGradients(gradients, scale);
  scale.dispose();
  return norm;
}

/** Multiplies every gradient. The gradients are replaced in the array; the old ones are disposed. */
export function scaleGradients(gradients: Gradients, factor: number | tf.Tensor): void {
  gradients.forEach((gradient, i) => {
    if (!gradient) return;
    gradients[i] = tf.mul(gradient, factor);
    gradient.dispose();
  });
}

/** The Euclidean norm of all gradients together, without reading anything back. */
export function globalNorm(gradients: Gradients): tf.Scalar {
  const present = gradients.filter((gradient) => gradient !== null);
  const inPlace = inPlaceUpdates();
  if (inPlace.sumOfSquares) return tf.scalar(Math.sqrt(inPlace.sumOfSquares(ids(present))));
  return tf.tidy(() => {
    const sums = present.map((gradient) => tf.reshape(tf.sum(tf.square(gradient)), [1]));
    // Not addN: on webgpu it binds all of them at once, which no device allows.
    return tf.sqrt(sums.length > 0 ? tf.sum(tf.concat(sums)) : tf.scalar(0)) as tf.Scalar;
  });
}

/** teacher ← momentum · teacher + (1 − momentum) · student, variable by variable (VoCo models/voco_head.py). */
export function emaUpdate(teacher: tf.Variable[], student: tf.Tensor[], momentum: number): void {
  if (teacher.length !== student.length) throw new Error('emaUpdate: teacher and student differ in length');
  const inPlace = inPlaceUpdates();
  if (inPlace.emaStep) {
    teacher.forEach(unshare);
    inPlace.emaStep(ids(teacher), ids(student), momentum);
    return;
  }
  teacher.forEach((variable, i) =>
    tf.tidy(() => replace(variable, tf.add(tf.mul(variable, momentum), tf.mul(student[i]!, 1 - momentum)))),
  );
}
