import * as tf from '../tf';
import { geluGradient, geluOf } from './activations';
import { differentiable, hasKernel, present, runKernel } from './dispatch';
import { Kernel } from './kernels';

const rows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape[x.shape.length - 1]!]);

/** {@link linear} without a place on the tape, and its gradients below. */
export function linearOf(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  if (hasKernel(Kernel.Linear)) return runKernel(Kernel.Linear, { x, weight, bias });
  const y = tf.matMul(rows(x), weight, false, true);
  return tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), weight.shape[0]!]);
}

export function linearInputGradient(dy: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  if (hasKernel(Kernel.LinearBackpropInput)) return runKernel(Kernel.LinearBackpropInput, { dy, weight });
  return tf.reshape(tf.matMul(rows(dy), weight), [...dy.shape.slice(0, -1), weight.shape[1]!]);
}

export function linearWeightGradient(x: tf.Tensor, dy: tf.Tensor): [tf.Tensor, tf.Tensor] {
  if (hasKernel(Kernel.LinearBackpropWeight)) {
    return runKernel(Kernel.LinearBackpropWeight, { x, dy });
  }
  return [tf.matMul(rows(dy), rows(x), true, false), tf.sum(rows(dy), 0)];
}

/**
 * Dense layer over the last axis, as torch.nn.Linear. The gradient keeps x and weight.
 *
 * @param x [...,I]
 * @param weight [O,I]
 * @param bias [O]
 * @returns [...,O]
 */
export function linear<T extends tf.Tensor>(x: T, weight: tf.Tensor2D, bias?: tf.Tensor1D): T {
  return differentiable<tf.Tensor>(
    present({ x, weight, bias }),
    (save) => {
      save([x, weight]);
      return linearOf(x, weight, bias);
    },
    (dy, saved) => {
      const [savedX, savedWeight] = saved as [tf.Tensor, tf.Tensor];
      const [dWeight, dBias] = linearWeightGradient(savedX, dy);
      return { x: () => linearInputGradient(dy, savedWeight), weight: () => dWeight, bias: () => dBias };
    },
  ) as T;
}

/**
 * linear(gelu(x)): the second half of a transformer's MLP. The gradient keeps x and weight, and computes gelu(x) again: with
 * its output the widest tensor of a block would be kept twice.
 *
 * @param x [...,I], before the activation
 * @param weight [O,I]
 * @param bias [O]
 * @returns [...,O]
 */
export function geluLinear<T extends tf.Tensor>(x: T, weight: tf.Tensor2D, bias?: tf.Tensor1D): T {
  return differentiable<tf.Tensor>(
    present({ x, weight, bias }),
    (save) => {
      save([x, weight]);
      return linearOf(geluOf(x), weight, bias);
    },
    (dy, saved) => {
      const [savedX, savedWeight] = saved as [tf.Tensor, tf.Tensor];
      const [dWeight, dBias] = tf.tidy(() => linearWeightGradient(geluOf(savedX), dy));
      return {
        x: () => geluGradient(savedX, linearInputGradient(dy, savedWeight)),
        weight: () => dWeight,
        bias: () => dBias,
      };
    },
  ) as T;
}
