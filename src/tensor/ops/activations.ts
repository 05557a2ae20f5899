import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel } from './kernels';
import { leakySlope } from './normalization';

const normalCdf = (x: tf.Tensor): tf.Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);

/** Exact GELU, x · Φ(x) (torch.nn.functional.gelu). The gradient keeps x. */
export function gelu<T extends tf.Tensor>(x: T): T {
  return differentiable<tf.Tensor>(
    { x },
    (save) => {
      save([x]);
      return geluOf(x);
    },
    (dy, [saved]) => ({ x: () => geluGradient(saved!, dy) }),
  ) as T;
}

/** {@link gelu} without a place on the tape. */
export const geluOf = (x: tf.Tensor): tf.Tensor =>
  hasKernel(Kernel.Gelu) ? runKernel(Kernel.Gelu, { x }) : tf.mul(x, normalCdf(x));

/** The gradient of gelu's input x, from that of its output. */
export function geluGradient(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  if (hasKernel(Kernel.GeluGrad)) return runKernel(Kernel.GeluGrad, { x, dy });
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return tf.mul(dy, tf.add(normalCdf(x), tf.mul(x, density)));
}

/** Leaky ReLU. The gradient keeps the output, which the next operation keeps anyway. */
export function leakyRelu<T extends tf.Tensor>(x: T, slope = 0.01): T {
  return differentiable<tf.Tensor>(
    { x },
    (save) => {
      const y = tf.leakyRelu(x, slope);
      save([y]);
      return y;
    },
    (dy, [y]) => ({ x: () => tf.mul(dy, leakySlope(y!, slope)) }),
  ) as T;
}

/** a + b for tensors of one shape. The gradient keeps nothing; that of tf.add would keep both. */
export function addResidual<T extends tf.Tensor>(a: T, b: T): T {
  return differentiable<tf.Tensor>(
    { a, b },
    () => tf.add(a, b),
    (dy) => ({ a: () => tf.clone(dy), b: () => tf.clone(dy) }),
  ) as T;
}

/**
 * x + branch · scale, scale of the last axis: the end of a residual branch with LayerScale (Touvron et al. 2021). The gradient keeps
 * branch and scale.
 *
 * @param x, branch [...,C]; @param scale [C]
 */
export function addScaled<T extends tf.Tensor>(x: T, branch: T, scale: tf.Tensor1D): T {
  return differentiable<tf.Tensor>(
    { x, branch, scale },
    (save) => {
      save([branch, scale]);
      return tf.add(x, tf.mul(branch, scale));
    },
    (dy, saved) => {
      const [savedBranch, savedScale] = saved as [tf.Tensor, tf.Tensor];
      return {
        x: () => tf.clone(dy),
        branch: () => tf.mul(dy, savedScale),
        scale: () => tf.sum(tf.reshape(tf.mul(dy, savedBranch), [-1, savedScale.shape[0]!]), 0),
      };
    },
  ) as T;
}

/**
 * leakyRelu(a + b) for tensors of one shape: the end of a residual block. The gradient keeps a and b, which what made them
 * keeps anyway.
 */
export function addLeakyRelu<T extends tf.Tensor>(a: T, b: T, slope = 0.01): T {
  const native = hasKernel(Kernel.AddLeakyRelu) && hasKernel(Kernel.AddLeakyReluGrad);
  return differentiable<tf.Tensor>(
    { a, b },
    (save) => {
      save([a, b]);
      return native ? runKernel(Kernel.AddLeakyRelu, { a, b }, { slope }) : tf.leakyRelu(tf.add(a, b), slope);
    },
    (dy, saved) => {
      const [left, right] = saved as [tf.Tensor, tf.Tensor];
      const dSum = native
        ? runKernel(Kernel.AddLeakyReluGrad, { a: left, b: right, dy }, { slope })
        : tf.mul(dy, leakySlope(tf.add(left, right), slope));
      return { a: () => dSum, b: () => tf.clone(dSum) };
    },
  ) as T;
}
