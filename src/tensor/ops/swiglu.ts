import * as tf from '../tf';
import { differentiable } from './dispatch';
import { linearInputGradient, linearOf, linearWeightGradient } from './linear';
import { layerNormGradient, layerNormOf } from './normalization';

/** silu(gate) · value. */
const swigluOf = (gate: tf.Tensor, value: tf.Tensor): tf.Tensor => tf.mul(tf.mul(gate, tf.sigmoid(gate)), value);

/** [dgate, dvalue] from the gradient of {@link swigluOf}. */
function swigluGradient(gate: tf.Tensor, value: tf.Tensor, dy: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const open = tf.sigmoid(gate);
  const silu = tf.mul(gate, open);
  // d silu = σ + silu · (1 − σ).
  const slope = tf.add(open, tf.mul(silu, tf.sub(1, open)));
  return [tf.mul(tf.mul(dy, value), slope), tf.mul(dy, silu)];
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
      const [dGate, dValue, dGamma, dBeta, dWeight, dBias] = tf.tidy(() => {
        const gated = swigluOf(g, v);
        const { y, mean, rstd } = layerNormOf(gated, { gamma: ga, beta: be });
        const [weights, biases] = linearWeightGradient(y, dy);
        const [dGated, gammas, betas] = layerNormGradient(gated, linearInputGradient(dy, w), mean, rstd, ga);
        return [...swigluGradient(g, v, dGated), gammas, betas, weights, biases];
      });
      return {
        gate: () => dGate!,
        value: () => dValue!,
        gamma: () => dGamma!,
        beta: () => dBeta!,
        weight: () => dWeight!,
        bias: () => dBias!,
      };
    },
  ) as T;
}
