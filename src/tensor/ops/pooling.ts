import { voxelCount, type Vec3 } from '../../geometry';
import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel, type Shape5D } from './kernels';

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

/** [left, length, right] of a shape whose axis `axis` is `length` long: reductions and copies of rank 3 are on every backend. */
function around(shape: readonly number[], axis: number): [number, number] {
  const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  return [product(shape.slice(0, axis)), product(shape.slice(axis + 1))];
}

function composedPool(x: tf.Tensor, window: Vec3): tf.Tensor {
  const shape = [...x.shape];
  let y = x;
  window.forEach((length, i) => {
    if (length === 1) return;
    const [left, right] = around(shape, i + 1);
    shape[i + 1]! /= length;
    y = tf.mean(tf.reshape(y, [left * shape[i + 1]!, length, right]), 1);
  });
  return tf.reshape(y, shape);
}

function composedPoolGradient(dy: tf.Tensor, window: Vec3): tf.Tensor {
  const shape = [...dy.shape];
  let dx = tf.div(dy, voxelCount(window));
  window.forEach((length, i) => {
    if (length === 1) return;
    const [left, right] = around(shape, i + 1);
    dx = tf.tile(tf.reshape(dx, [left * shape[i + 1]!, 1, right]), [1, length, 1]);
    shape[i + 1]! *= length;
  });
  return tf.reshape(dx, shape);
}

/**
 * Mean of each block of voxels, without overlap: torch.nn.AvgPool3d with the stride as its kernel. The gradient keeps nothing.
 *
 * @param x [N,D,H,W,C]
 * @param window edges of a block; each divides its axis
 * @returns [N, D/window, H/window, W/window, C]
 * @throws Error where the window does not divide an axis: torch's pool would leave the rest out
 */
export function averagePool3d(x: tf.Tensor5D, window: Vec3): tf.Tensor5D {
  const [batch, d, h, w, channels] = x.shape;
  if ([d, h, w].some((length, axis) => length % window[axis]! !== 0)) {
    throw new Error(`averagePool3d: blocks of ${window.join('×')} do not divide ${d}×${h}×${w} voxels`);
  }
  const native = hasKernel(Kernel.AveragePool) && hasKernel(Kernel.AveragePoolGrad);
  const inputShape: Shape5D = [batch, d, h, w, channels];
  return differentiable<tf.Tensor5D>(
    { x },
    () => (native ? runKernel(Kernel.AveragePool, { x }, { window }) : composedPool(x, window)) as tf.Tensor5D,
    (dy) => ({
      x: () =>
        native
          ? runKernel(Kernel.AveragePoolGrad, { dy }, { window, inputShape })
          : tf.tidy(() => composedPoolGradient(dy, window)),
    }),
  );
}
