/**
 * 3D convolution from slices and matrix products, one for each tap of the filter: for backends whose own convolution is
 * missing or wrong. x is already padded: no padding here.
 */
import { mapVec3, type Vec3 } from '../../geometry';
import * as tf from '../tf';
import type { Shape5D } from './kernels';

const taps = ([kd, kh, kw]: number[]): Vec3[] =>
  Array.from({ length: kd! * kh! * kw! }, (_, i) => [Math.floor(i / (kh! * kw!)), Math.floor(i / kw!) % kh!, i % kw!]);

/** The voxels of x that a tap meets: [n·d·h·w, C] with `size` voxels along each axis. */
function meet(x: tf.Tensor, tap: Vec3, size: Vec3, stride: Vec3): tf.Tensor2D {
  const [n, , , , c] = x.shape as Shape5D;
  const end = tap.map((t, axis) => t + (size[axis]! - 1) * stride[axis]! + 1);
  const slice = stride.every((s) => s === 1)
    ? tf.slice(x, [0, ...tap, 0], [n, ...size, c])
    : tf.stridedSlice(x, [0, ...tap, 0], [n, ...(end as unknown as Vec3), c], [1, ...stride, 1]);
  return tf.reshape(slice, [-1, c]);
}

const outputSize = (x: tf.Tensor, filterShape: number[], stride: Vec3): Vec3 =>
  mapVec3(stride, (s, axis) => Math.floor((x.shape[axis + 1]! - filterShape[axis]!) / s) + 1);

/** [taps, I, O] of a filter [kd,kh,kw,I,O]. */
const matrices = (filter: tf.Tensor): tf.Tensor2D[] =>
  tf.unstack(tf.reshape(filter, [-1, filter.shape[3]!, filter.shape[4]!])) as tf.Tensor2D[];

/** Adds up what `term` gives for each tap, keeping one sum at a time. */
function sumOverTaps(filterShape: number[], term: (tap: Vec3, index: number) => tf.Tensor): tf.Tensor {
  let sum: tf.Tensor | undefined;
  taps(filterShape).forEach((tap, i) => {
    const before = sum;
    sum = tf.tidy(() => (before ? tf.add(before, term(tap, i)) : term(tap, i)));
    before?.dispose();
  });
  return sum!;
}

/** x [N,D,H,W,I], filter [kd,kh,kw,I,O] → [N,D',H',W',O]. */
export function tapsForward(x: tf.Tensor, filter: tf.Tensor, stride: Vec3): tf.Tensor5D {
  const size = outputSize(x, filter.shape, stride);
  const weights = matrices(filter);
  const sum = sumOverTaps(filter.shape, (tap, i) => tf.matMul(meet(x, tap, size, stride), weights[i]!));
  return tf.reshape(sum, [x.shape[0]!, ...size, filter.shape[4]!]) as tf.Tensor5D;
}

/** The gradient of x, of shape `inputShape`. */
export function tapsInput(dy: tf.Tensor, filter: tf.Tensor, inputShape: Shape5D, stride: Vec3): tf.Tensor5D {
  const spread = spreadOut(dy, filter.shape, inputShape, stride);
  const size = inputShape.slice(1, 4) as unknown as Vec3;
  const weights = matrices(filter);
  const sum = sumOverTaps(filter.shape, (tap, i) => {
    const opposite = mapVec3(tap, (t, axis) => filter.shape[axis]! - 1 - t);
    return tf.matMul(meet(spread, opposite, size, [1, 1, 1]), weights[i]!, false, true);
  });
  return tf.reshape(sum, inputShape);
}

/** dy with stride − 1 zeros between its voxels and zeros around, so that every tap finds its voxel. */
function spreadOut(dy: tf.Tensor, filterShape: number[], inputShape: Shape5D, stride: Vec3): tf.Tensor {
  let shape = [...dy.shape];
  let current = dy;
  for (const axis of [1, 2, 3]) {
    const [step, kernel] = [stride[axis - 1]!, filterShape[axis - 1]!];
    const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const count = shape[axis]!;
    const zeros = tf.pad(tf.reshape(current, [outer * count, 1, inner]), [[0, 0], [0, step - 1], [0, 0]]); // prettier-ignore
    const length = (count - 1) * step + 1;
    const kept = tf.slice(tf.reshape(zeros, [outer, count * step, inner]), [0, 0, 0], [outer, length, inner]);
    const around = tf.pad(kept, [[0, 0], [kernel - 1, inputShape[axis]! - length], [0, 0]]); // prettier-ignore
    shape = [...shape.slice(0, axis), around.shape[1]!, ...shape.slice(axis + 1)];
    current = tf.reshape(around, shape);
  }
  return current;
}

/** The gradient of the filter, of shape `filterShape`. */
export function tapsFilter(x: tf.Tensor, dy: tf.Tensor, filterShape: Shape5D, stride: Vec3): tf.Tensor5D {
  const size = dy.shape.slice(1, 4) as unknown as Vec3;
  const rows = tf.reshape(dy, [-1, filterShape[4]]);
  const parts = taps(filterShape).map((tap) => tf.tidy(() => tf.matMul(meet(x, tap, size, stride), rows, true)));
  return tf.reshape(tf.concat(parts), filterShape);
}
