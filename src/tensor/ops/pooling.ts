import * as tf from '../tf';
import { differentiable } from './dispatch';

/**
 * Mean over D, H, W. The gradient keeps nothing; that of tf.mean would keep x.
 *
 * @param x [N,D,H,W,C]
 * @returns [N,C]
 */
export function globalAverage(x: tf.Tensor5D): tf.Tensor2D {
  const { shape } = x;
  const [batch, d, h, w, channels] = shape;
  const voxels = d * h * w;
  return differentiable<tf.Tensor2D>(
    { x },
    () => tf.mean(x, [1, 2, 3]),
    // Of rank 3: larger ranks of tfjs's tile are not for every backend.
    (dy) => ({
      x: () => tf.reshape(tf.tile(tf.reshape(tf.div(dy, voxels), [batch, 1, channels]), [1, voxels, 1]), shape),
    }),
  );
}
