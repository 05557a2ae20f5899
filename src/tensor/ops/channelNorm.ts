import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel } from './kernels';
import { leakySlope } from './normalization';

export interface ChannelNormOptions {
  /** Of each channel [C]; no gradient. */
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
  /** Scale and shift of each channel [C]. */
  gamma: tf.Tensor1D;
  beta: tf.Tensor1D;
  eps?: number;
  /** Of the leaky ReLU that follows; 0 is a ReLU, 1 none. */
  slope?: number;
}

const sumOverVoxels = (x: tf.Tensor): tf.Tensor1D => tf.sum(tf.reshape(x, [-1, x.shape[x.shape.length - 1]!]), 0);

/**
 * Normalisation of each channel by statistics that are given, such as running ones (torch.nn.BatchNorm3d in evaluation mode, eps
 * 1e-5), then leaky ReLU: `leakyRelu(gamma · (x − mean) / √(variance + eps) + beta)`. The gradient keeps x and the output.
 *
 * @param x [N,D,H,W,C]
 * @returns [N,D,H,W,C]
 */
export function channelNorm(x: tf.Tensor5D, options: ChannelNormOptions): tf.Tensor5D {
  const { mean, variance, gamma, beta, eps = 1e-5, slope = 1 } = options;
  const activated = (z: tf.Tensor): tf.Tensor => (slope === 1 ? z : slope === 0 ? tf.relu(z) : tf.leakyRelu(z, slope));
  return differentiable<tf.Tensor5D>(
    { x, gamma, beta },
    (save) => {
      let y: tf.Tensor;
      if (hasKernel(Kernel.ChannelNorm)) {
        y = runKernel(Kernel.ChannelNorm, { x, mean, variance, gamma, beta }, { eps, slope });
      } else {
        const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, eps)));
        y = activated(tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale))));
      }
      save([x, y, mean, variance, gamma]);
      return y as tf.Tensor5D;
    },
    (dy, saved) => {
      const [savedX, y, kept, spread, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dz = slope === 1 ? dy : tf.mul(dy, leakySlope(y, slope));
      const rstd = tf.rsqrt(tf.add(spread, eps));
      return {
        x: () => tf.mul(dz, tf.mul(scale, rstd)),
        gamma: () => tf.mul(rstd, tf.sub(sumOverVoxels(tf.mul(dz, savedX)), tf.mul(kept, sumOverVoxels(dz)))),
        beta: () => sumOverVoxels(dz),
      };
    },
  );
}
