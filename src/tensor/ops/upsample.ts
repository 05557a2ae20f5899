import * as tf from '../tf';
import { differentiable, hasKernel, runKernel } from './dispatch';
import { Kernel } from './kernels';

/** Share of a voxel in the two new voxels that lie in it; their other quarter is of the neighbour on their side. */
const NEAR = 0.75;
const FAR = 0.25;

/** The axis `axis` of x as the middle one of three. */
function lines(x: tf.Tensor, axis: number): tf.Tensor3D {
  const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  return tf.reshape(x, [outer, x.shape[axis]!, -1]);
}

/** Each line moved one place on, with its end kept: what lies before (or after) each place. */
function neighbours(x: tf.Tensor3D, side: -1 | 1): tf.Tensor3D {
  const [outer, n, inner] = x.shape;
  const part = (begin: number, length: number): tf.Tensor3D => tf.slice(x, [0, begin, 0], [outer, length, inner]);
  return side < 0 ? tf.concat([part(0, 1), part(0, n - 1)], 1) : tf.concat([part(1, n - 1), part(n - 1, 1)], 1);
}

/** Twice the places along one axis. */
function doubled(x: tf.Tensor, axis: number): tf.Tensor {
  const from = lines(x, axis);
  const [outer, n, inner] = from.shape;
  const near = tf.mul(from, NEAR);
  const places = ([-1, 1] as const).map((side) =>
    tf.reshape(tf.add(near, tf.mul(neighbours(from, side), FAR)), [outer, n, 1, inner]),
  );
  const shape = x.shape.map((length, at) => (at === axis ? 2 * length : length));
  return tf.reshape(tf.concat(places, 2), shape);
}

/** The gradient of {@link doubled}'s x. */
function halved(dy: tf.Tensor, axis: number): tf.Tensor {
  const shape = dy.shape.map((length, at) => (at === axis ? length / 2 : length));
  const flat = lines(dy, axis);
  const [outer, m, inner] = flat.shape;
  const n = m / 2;
  const pairs = tf.reshape(flat, [outer, n, 2, inner]);
  const [before, after] = [0, 1].map((which) =>
    tf.reshape(tf.slice(pairs, [0, 0, which, 0], [outer, n, 1, inner]), [outer, n, inner]),
  ) as [tf.Tensor3D, tf.Tensor3D];
  const part = (t: tf.Tensor3D, begin: number, length: number): tf.Tensor3D =>
    tf.slice(t, [0, begin, 0], [outer, length, inner]);
  // A voxel is the neighbour of the first new voxel of the next one, of the second of the one before, and at the ends its own.
  const far = tf.add(
    tf.concat([part(before, 1, n - 1), part(after, n - 1, 1)], 1),
    tf.concat([part(before, 0, 1), part(after, 0, n - 1)], 1),
  );
  return tf.reshape(tf.add(tf.mul(tf.add(before, after), NEAR), tf.mul(far, FAR)), shape);
}

const AXES = [1, 2, 3];

/** One axis after the other, with one result at a time. */
const eachAxis = (x: tf.Tensor, step: (x: tf.Tensor, axis: number) => tf.Tensor): tf.Tensor5D =>
  AXES.reduce<tf.Tensor>((state, axis) => tf.tidy(() => step(state, axis)), x) as tf.Tensor5D;

/**
 * Trilinear interpolation to twice the size along each axis (torch.nn.Upsample(scale_factor=2, mode='trilinear',
 * align_corners=False)). The gradient keeps nothing.
 *
 * @param x [N,D,H,W,C]
 * @returns [N,2D,2H,2W,C]
 */
export function upsample(x: tf.Tensor5D): tf.Tensor5D {
  const native = hasKernel(Kernel.Upsample) && hasKernel(Kernel.UpsampleGrad);
  return differentiable<tf.Tensor5D>(
    { x },
    () => (native ? (runKernel(Kernel.Upsample, { x }) as tf.Tensor5D) : eachAxis(x, doubled)),
    (dy) => ({ x: () => (native ? runKernel(Kernel.UpsampleGrad, { dy }) : eachAxis(dy, halved)) }),
  );
}
