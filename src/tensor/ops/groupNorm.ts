import * as tf from '../tf';
import { differentiable, hasKernel, present, runKernel } from './dispatch';
import { Kernel } from './kernels';
import { leakySlope } from './normalization';

export interface GroupNormOptions {
  /** Groups of channels that share their statistics: as many as channels for an instance norm. */
  groups: number;
  /** Scale of each channel [C]; without it 1. */
  gamma?: tf.Tensor1D;
  /** Shift of each channel [C]; without it 0. */
  beta?: tf.Tensor1D;
  /** Of the shape of x, added before the activation: the other branch of a residual block. */
  residual?: tf.Tensor5D;
  /** [N,D,H,W,1], 1 or 0: voxels of 0 have no part in the statistics and come out as 0. No gradient goes there. */
  visible?: tf.Tensor5D;
  eps?: number;
  /** Of the leaky ReLU that follows; 0 is a ReLU, 1 none. */
  slope?: number;
  /** Called with the statistics [N, groups] of the forward pass, off the tape: mean and 1 / √(biased variance + eps). */
  seen?: (mean: tf.Tensor, rstd: tf.Tensor) => void;
}

/** The tensors beside x, as [N, voxels, groups, channels of a group] can be combined with them. */
interface Beside {
  gamma?: tf.Tensor;
  beta?: tf.Tensor;
  residual?: tf.Tensor;
  visible?: tf.Tensor;
}

const AXES = [1, 3];

function viewOf(x: tf.Tensor, groups: number): number[] {
  const [batch, d, h, w, channels] = x.shape as [number, number, number, number, number];
  return [batch, d * h * w, groups, channels / groups];
}

function viewed({ gamma, beta, residual, visible }: Beside, view: number[]): Beside {
  const perChannel = [1, 1, view[2]!, view[3]!];
  return {
    gamma: gamma && tf.reshape(gamma, perChannel),
    beta: beta && tf.reshape(beta, perChannel),
    residual: residual && tf.reshape(residual, view),
    visible: visible && tf.reshape(visible, [view[0]!, view[1]!, 1, 1]),
  };
}

const times = (a: tf.Tensor, b: tf.Tensor | undefined): tf.Tensor => (b ? tf.mul(a, b) : a);
const plus = (a: tf.Tensor, b: tf.Tensor | undefined): tf.Tensor => (b ? tf.add(a, b) : a);

/** Means over the voxels that are seen and the channels of a group: [N, 1, groups, 1]. */
function means(x: tf.Tensor, { visible }: Beside): tf.Tensor {
  if (!visible) return tf.mean(x, AXES, true);
  const count = tf.mul(tf.maximum(tf.sum(visible, AXES, true), 1), x.shape[3]!);
  return tf.div(tf.sum(tf.mul(x, visible), AXES, true), count);
}

const beforeActivation = (normal: tf.Tensor, { gamma, beta, residual }: Beside): tf.Tensor =>
  plus(plus(times(normal, gamma), beta), residual);

const activate = (z: tf.Tensor, slope: number): tf.Tensor =>
  slope === 1 ? z : slope === 0 ? tf.relu(z) : tf.leakyRelu(z, slope);

function composedForward(
  x: tf.Tensor,
  given: Beside,
  { groups, eps, slope }: { groups: number; eps: number; slope: number },
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const view = viewOf(x, groups);
  const beside = viewed(given, view);
  const flat = tf.reshape(x, view);
  const mean = means(flat, beside);
  const centred = tf.sub(flat, mean);
  const rstd = tf.rsqrt(tf.add(means(tf.square(centred), beside), eps));
  const z = beforeActivation(tf.mul(centred, rstd), beside);
  const y = times(activate(z, slope), beside.visible);
  const moments = [x.shape[0]!, groups];
  return [tf.reshape(y, x.shape), tf.reshape(mean, moments), tf.reshape(rstd, moments)];
}

type Gradients = [dx: tf.Tensor, dGamma: tf.Tensor, dBeta: tf.Tensor, dResidual?: tf.Tensor];

function composedGradient(
  x: tf.Tensor,
  dy: tf.Tensor,
  [mean, rstd]: readonly [tf.Tensor, tf.Tensor],
  given: Beside,
  slope: number,
): Gradients {
  const [batch, groups] = mean.shape as [number, number];
  const view = viewOf(x, groups);
  const beside = viewed(given, view);
  const moments = [batch, 1, groups, 1];
  const scale = tf.reshape(rstd, moments);
  const normal = tf.mul(tf.sub(tf.reshape(x, view), tf.reshape(mean, moments)), scale);
  const through = times(tf.reshape(dy, view), beside.visible);
  const dz = slope === 1 ? through : tf.mul(through, leakySlope(beforeActivation(normal, beside), slope));
  const dNormal = times(dz, beside.gamma);
  const projected = tf.mul(normal, means(tf.mul(dNormal, normal), beside));
  const dx = tf.mul(scale, tf.sub(tf.sub(dNormal, means(dNormal, beside)), projected));
  const channels = [view[2]! * view[3]!];
  return [
    tf.reshape(times(dx, beside.visible), x.shape),
    tf.reshape(tf.sum(tf.mul(dz, normal), [0, 1]), channels),
    tf.reshape(tf.sum(dz, [0, 1]), channels),
    given.residual && tf.reshape(dz, x.shape),
  ];
}

/**
 * Group normalisation over space and the channels of a group, with the batch's own statistics (torch.nn.GroupNorm, biased
 * variance, eps 1e-5), then what is added, then leaky ReLU: `leakyRelu(gamma · (x − mean) · rstd + beta + residual)`. With as
 * many groups as channels it is torch.nn.InstanceNorm3d(affine=True); of x viewed as [1, N·D, H, W, C] it is, so, the batch norm
 * of a training step; with `visible`, SparK's SparseInstanceNorm. The gradient keeps x, what is added, and two numbers a group:
 * gamma may be 0, so the output cannot be undone.
 *
 * @param x [N,D,H,W,C]
 * @returns [N,D,H,W,C]
 * @throws Error where the groups do not divide the channels
 */
export function groupNorm(x: tf.Tensor5D, options: GroupNormOptions): tf.Tensor5D {
  const { groups, gamma, beta, residual, visible, eps = 1e-5, slope = 1, seen } = options;
  if (!(groups >= 1) || x.shape[4] % groups !== 0) {
    throw new Error(`groupNorm: ${groups} groups do not divide ${x.shape[4]} channels`);
  }
  const native = hasKernel(Kernel.GroupNorm) && hasKernel(Kernel.GroupNormGrad);
  const beside = { gamma, beta, residual, visible };
  return differentiable<tf.Tensor5D>(
    present({ x, ...beside }),
    (save) => {
      const attrs = { groups, eps, slope };
      const [y, mean, rstd] = native
        ? runKernel(Kernel.GroupNorm, { x, ...beside }, attrs)
        : composedForward(x, beside, attrs);
      seen?.(mean, rstd);
      save([x, mean, rstd, ...Object.values(present(beside))]);
      return y as tf.Tensor5D;
    },
    (dy, saved) => {
      const [savedX, mean, rstd, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      const kept = Object.fromEntries(Object.keys(present(beside)).map((name, i) => [name, rest[i]!])) as Beside;
      const [dx, dGamma, dBeta, dResidual] = native
        ? runKernel(Kernel.GroupNormGrad, { x: savedX, dy, mean, rstd, ...kept }, { slope })
        : tf.tidy(() => composedGradient(savedX, dy, [mean, rstd], kept, slope));
      return {
        x: () => dx,
        gamma: () => dGamma,
        beta: () => dBeta,
        residual: () => dResidual!,
        visible: () => tf.zerosLike(visible!),
      };
    },
  );
}
