import * as tf from '../tf';
import { differentiable } from './dispatch';
import { linearInputGradient, linearOf, linearWeightGradient } from './linear';
import { layerNormGradient, layerNormOf } from './normalization';

/** silu(gate) · value. */
const swigluOf = (gate: tf.Tensor, value: tf.Tensor): tf.Tensor =>
  tf.tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), value));

/** [dgate, dvalue] from the gradient of {@link swigluOf}. */
function swigluGradient(gate: tf.Tensor, value: tf.Tensor, dy: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const dValue = tf.tidy(() => tf.mul(dy, tf.mul(gate, tf.sigmoid(gate))));
  const dGate = tf.tidy(() => {
    // d silu = σ · (1 + gate · (1 − σ)).
    const slope = tf.tidy(() => {
      const open = tf.sigmoid(gate);
      const rest = tf.tidy(() => tf.mul(gate, tf.sub(1, open)));
      return tf.mul(open, tf.add(rest, 1));
    });
    return tf.mul(tf.mul(dy, value), slope);
  });
  return [dGate, dValue];
}

interface Parameters {
  readonly norm: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D };
  readonly weight: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/**
 * linear(layerNorm(silu(gate) · value)): the second half of a gated MLP with a norm inside (EVA-02, timm's SwiGLU). The gradient keeps
 * gate, value and the parameters, and computes what lies between again: it would be kept twice more.
 *
 * @param gate, value [...,H]
 * @param parameters norm of H channels (eps 1e-5), weight [O,H], bias [O]
 * @returns [...,O]
 */
export function swigluNormLinear<T extends tf.Tensor>(gate: T, value: T, { norm, weight, bias }: Parameters): T {
  const { gamma, beta } = norm;
  return differentiable<tf.Tensor>(
    { gate, value, gamma, beta, weight, bias },
    (save) => {
      save([gate, value, gamma, beta, weight]);
      return linearOf(layerNormOf(swigluOf(gate, value), norm).y, weight, bias);
    },
    (dy, saved) => {
      const [g, v, ga, be, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor];
      // What is as wide as the gate goes as soon as it can.
      const [dGated, dGamma, dBeta, dWeight, dBias] = tf.tidy(() => {
        const gated = swigluOf(g, v);
        const { y, mean, rstd } = layerNormOf(gated, { gamma: ga, beta: be });
        const weights = linearWeightGradient(y, dy);
        y.dispose();
        return [...layerNormGradient(gated, linearInputGradient(dy, w), mean, rstd, ga), ...weights];
      });
      const [dGate, dValue] = swigluGradient(g, v, dGated!);
      dGated!.dispose();
      return {
        gate: () => dGate,
        value: () => dValue,
        gamma: () => dGamma!,
        beta: () => dBeta!,
        weight: () => dWeight!,
        bias: () => dBias!,
      };
    },
  ) as T;
}
