import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel } from './kernels';
import { leakySlope } from './normalization';

const normalCdf = (x: tf.Tensor): tf.Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);

/** Exact GELU, x · Φ(x) (torch.nn.functional.gelu). The gradient keeps x. */
export function gelu<T extends tf.Tensor>(x: T): T {
  const native = hasKernel(Kernel.Gelu) && hasKernel(Kernel.GeluGrad);
  return differentiable<tf.Tensor>(
    { x },
    (save) => {
      save([x]);
      return native ? runKernel<tf.Tensor>(Kernel.Gelu, { x }) : tf.mul(x, normalCdf(x));
    },
    (dy, [saved]) => ({
      x: () => {
        if (native) return runKernel<tf.Tensor>(Kernel.GeluGrad, { x: saved!, dy });
        const density = tf.mul(tf.exp(tf.mul(tf.square(saved!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return tf.mul(dy, tf.add(normalCdf(saved!), tf.mul(saved!, density)));
      },
    }),
  ) as T;
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

/** leakyRelu(a + b) for tensors of one shape: the end of a residual block. The gradient keeps the output. */
export function addLeakyRelu<T extends tf.Tensor>(a: T, b: T, slope = 0.01): T {
  const native = hasKernel(Kernel.AddLeakyRelu) && hasKernel(Kernel.AddLeakyReluGrad);
  return differentiable<tf.Tensor>(
    { a, b },
    (save) => {
      const y = native
        ? runKernel<tf.Tensor>(Kernel.AddLeakyRelu, { a, b }, { slope })
        : tf.leakyRelu(tf.add(a, b), slope);
      save([y]);
      return y;
    },
    (dy, [y]) => {
      const dSum = native
        ? runKernel<tf.Tensor>(Kernel.AddLeakyReluGrad, { y: y!, dy }, { slope })
        : tf.mul(dy, leakySlope(y!, slope));
      return { a: () => dSum, b: () => tf.clone(dSum) };
    },
  ) as T;
}
