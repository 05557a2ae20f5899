/** The operations that networks are written in. Each is differentiable on every backend; see `kernels.ts`. */
import * as tf from '../tf';
import type { Triple } from './kernels';

export type { Triple, WindowAttentionAttrs } from './kernels';
export { windowAttention } from './attention';
export { paddedSize, relativePositionIndex, shiftMask, windowSize } from './windows';

export interface ConvOptions {
  stride?: number | Triple;
  /** Zero voxels added on both sides of each axis, as torch.nn.Conv3d's `padding`. */
  padding?: number | Triple;
  bias?: tf.Tensor1D;
}

const triple = (value: number | Triple | undefined, fallback: number): Triple =>
  Array.isArray(value) ? value : [value ?? fallback, value ?? fallback, value ?? fallback];

/** 3D convolution. x [N,D,H,W,I], filter [kd,kh,kw,I,O] → [N,D',H',W',O]. */
export function conv3d(x: tf.Tensor5D, filter: tf.Tensor5D, options: ConvOptions = {}): tf.Tensor5D {
  const [pd, ph, pw] = triple(options.padding, 0);
  const padded = pd + ph + pw > 0 ? tf.pad(x, [[0, 0], [pd, pd], [ph, ph], [pw, pw], [0, 0]]) : x; // prettier-ignore
  const y = tf.conv3d(padded as tf.Tensor5D, filter, triple(options.stride, 1), 'valid');
  return options.bias ? tf.add(y, options.bias) : y;
}

/** Transposed 3D convolution without padding, as torch.nn.ConvTranspose3d. filter [kd,kh,kw,O,I]: x [N,D,H,W,I] → [...,O]. */
export function convTranspose3d(
  x: tf.Tensor5D,
  filter: tf.Tensor5D,
  options: Omit<ConvOptions, 'padding'> = {},
): tf.Tensor5D {
  const stride = triple(options.stride, 1);
  const spatial = [0, 1, 2].map((axis) => (x.shape[axis + 1]! - 1) * stride[axis]! + filter.shape[axis]!);
  const shape = [x.shape[0], ...spatial, filter.shape[3]] as [number, number, number, number, number];
  const y = tf.conv3dTranspose(x, filter, shape, stride, 'valid') as tf.Tensor5D;
  return options.bias ? tf.add(y, options.bias) : y;
}

/** Dense layer over the last axis. x [...,I], weight [O,I] → [...,O]. */
export function linear<T extends tf.Tensor>(x: T, weight: tf.Tensor2D, bias?: tf.Tensor1D): T {
  const [out, inner] = weight.shape;
  const y = tf.matMul(tf.reshape(x, [-1, inner]), weight, false, true);
  return tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), out]) as T;
}

/** Layer normalisation over the last axis; without gamma and beta it only normalises (torch.nn.functional.layer_norm). */
export function layerNorm<T extends tf.Tensor>(
  x: T,
  options: { eps?: number; gamma?: tf.Tensor1D; beta?: tf.Tensor1D } = {},
): T {
  const mean = tf.mean(x, -1, true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), -1, true);
  let y: tf.Tensor = tf.mul(centred, tf.rsqrt(tf.add(variance, options.eps ?? 1e-5)));
  if (options.gamma) y = tf.mul(y, options.gamma);
  if (options.beta) y = tf.add(y, options.beta);
  return y as T;
}

/** Instance normalisation of x [N,D,H,W,C] over D, H, W (not affine), followed by leaky ReLU where `slope` is given. */
export function instanceNorm(x: tf.Tensor5D, options: { eps?: number; slope?: number } = {}): tf.Tensor5D {
  const mean = tf.mean(x, [1, 2, 3], true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), [1, 2, 3], true);
  const y = tf.mul(centred, tf.rsqrt(tf.add(variance, options.eps ?? 1e-5))) as tf.Tensor5D;
  return options.slope === undefined ? y : tf.leakyRelu(y, options.slope);
}

/** Exact GELU: x · Φ(x). */
export function gelu<T extends tf.Tensor>(x: T): T {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)) as T;
}

export function leakyRelu<T extends tf.Tensor>(x: T, slope = 0.01): T {
  return tf.leakyRelu(x, slope) as T;
}

/** leakyRelu(a + b): the end of a residual block. */
export function addLeakyRelu<T extends tf.Tensor>(a: T, b: T, slope = 0.01): T {
  return tf.leakyRelu(tf.add(a, b), slope) as T;
}
