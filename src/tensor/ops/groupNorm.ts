import * as tf from '../tf';
import { differentiable, hasKernel, present, runKernel } from './dispatch';
import { Kernel } from './kernels';
import { leakySlope, normalise, normaliseGradient } from './normalization';

export interface GroupNormOptions {
  /** Groups of channels that share their statistics: as many as channels for an instance norm. */
  groups: number;
  /** Scale of each channel [C]; without it 1. */
  gamma?: tf.Tensor1D;
  /** Shift of each channel [C]; without it 0. */
  beta?: tf.Tensor1D;
  /** Of the shape of x, added before the activation: the other branch of a residual block. */
  residual?: tf.Tensor5D;
  eps?: number;
  /** Of the leaky ReLU that follows; 0 is a ReLU, 1 none. */
  slope?: number;
  /** Called with the statistics [N, groups] of the forward pass, off the tape: mean and 1 / √(biased variance + eps). */
  seen?: (mean: tf.Tensor, rstd: tf.Tensor) => void;
}

/** What forward and gradient share, of tensors viewed as [N, voxels, groups, channels of a group]. */
interface Affine {
  gamma?: tf.Tensor;
  beta?: tf.Tensor;
  residual?: tf.Tensor;
  slope: number;
}

const AXES = [1, 3];

function viewOf(x: tf.Tensor, groups: number): number[] {
  const [batch, d, h, w, channels] = x.shape as [number, number, number, number, number];
  return [batch, d * h * w, groups, channels / groups];
}

/** normal · gamma + beta + residual, before the activation. */
function beforeActivation(normal: tf.Tensor, { gamma, beta, residual }: Affine): tf.Tensor {
  const view = normal.shape;
  const perChannel = (t: tf.Tensor): tf.Tensor => tf.reshape(t, [1, 1, view[2]!, view[3]!]);
  const scaled = gamma ? tf.mul(normal, perChannel(gamma)) : normal;
  const shifted = beta ? tf.add(scaled, perChannel(beta)) : scaled;
  return residual ? tf.add(shifted, tf.reshape(residual, view)) : shifted;
}

const activate = (z: tf.Tensor, slope: number): tf.Tensor =>
  slope === 1 ? z : slope === 0 ? tf.relu(z) : tf.leakyRelu(z, slope);

function composedForward(x: tf.Tensor, groups: number, eps: number, affine: Affine): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const { y: normal, mean, rstd } = normalise(tf.reshape(x, viewOf(x, groups)), AXES, eps);
  const y = activate(beforeActivation(normal, affine), affine.slope);
  const moments = [x.shape[0]!, groups];
  return [tf.reshape(y, x.shape), tf.reshape(mean, moments), tf.reshape(rstd, moments)];
}

type Gradients = [dx: tf.Tensor, dGamma: tf.Tensor, dBeta: tf.Tensor, dResidual?: tf.Tensor];

function composedGradient(x: tf.Tensor, dy: tf.Tensor, mean: tf.Tensor, rstd: tf.Tensor, affine: Affine): Gradients {
  const [batch, groups] = mean.shape as [number, number];
  const view = viewOf(x, groups);
  const moments = [batch, 1, groups, 1];
  const scale = tf.reshape(rstd, moments);
  const normal = tf.mul(tf.sub(tf.reshape(x, view), tf.reshape(mean, moments)), scale);
  const { slope } = affine;
  const through = tf.reshape(dy, view);
  const dz = slope === 1 ? through : tf.mul(through, leakySlope(beforeActivation(normal, affine), slope));
  const channels = [view[2]! * view[3]!];
  const dNormal = affine.gamma ? tf.mul(dz, tf.reshape(affine.gamma, [1, 1, view[2]!, view[3]!])) : dz;
  return [
    tf.reshape(normaliseGradient(normal, dNormal, scale, AXES), x.shape),
    tf.reshape(tf.sum(tf.mul(dz, normal), [0, 1]), channels),
    tf.reshape(tf.sum(dz, [0, 1]), channels),
    affine.residual && tf.reshape(dz, x.shape),
  ];
}

/**
 * Group normalisation over space and the channels of a group, with the batch's own statistics (torch.nn.GroupNorm, biased
 * variance, eps 1e-5), then what is added, then leaky ReLU: `leakyRelu(gamma · (x − mean) · rstd + beta + residual)`. With as
 * many groups as channels it is torch.nn.InstanceNorm3d(affine=True); of x viewed as [1, N·D, H, W, C] it is, so, the batch norm
 * of a training step. The gradient keeps x, what is added, and two numbers a group: gamma may be 0, so the output cannot be undone.
 *
 * @param x [N,D,H,W,C]
 * @returns [N,D,H,W,C]
 * @throws Error where the groups do not divide the channels
 */
export function groupNorm(x: tf.Tensor5D, options: GroupNormOptions): tf.Tensor5D {
  const { groups, gamma, beta, residual, eps = 1e-5, slope = 1, seen } = options;
  if (!(groups >= 1) || x.shape[4] % groups !== 0) {
    throw new Error(`groupNorm: ${groups} groups do not divide ${x.shape[4]} channels`);
  }
  const native = hasKernel(Kernel.GroupNorm) && hasKernel(Kernel.GroupNormGrad);
  // What is added is only asked for its sign.
  const keepsResidual = residual !== undefined && slope !== 1;
  return differentiable<tf.Tensor5D>(
    present({ x, gamma, beta, residual }),
    (save) => {
      const [y, mean, rstd] = native
        ? runKernel(Kernel.GroupNorm, { x, gamma, beta, residual }, { groups, eps, slope })
        : composedForward(x, groups, eps, { gamma, beta, residual, slope });
      seen?.(mean, rstd);
      const optional = [gamma, beta, keepsResidual ? residual : undefined];
      save([x, mean, rstd, ...optional.filter((t) => t !== undefined)]);
      return y as tf.Tensor5D;
    },
    (dy, saved) => {
      const [savedX, mean, rstd, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      const kept = {
        gamma: gamma && rest.shift(),
        beta: beta && rest.shift(),
        residual: keepsResidual ? rest.shift() : undefined,
      };
      const wanted = residual !== undefined;
      const [dx, dGamma, dBeta, dResidual] = native
        ? runKernel(Kernel.GroupNormGrad, { x: savedX, dy, mean, rstd, ...kept }, { slope })
        : tf.tidy(() => composedGradient(savedX, dy, mean, rstd, { ...kept, slope }));
      return {
        x: () => dx,
        gamma: () => dGamma,
        beta: () => dBeta,
        residual: () => (wanted && dResidual ? dResidual : tf.clone(dy)),
      };
    },
  );
}
