/** 3D convolution whose kernel is its stride as one matrix product of patches: for backends without a convolution of their own. */
import * as tf from '../tf';
import type { ConvAttrs, Shape5D } from './kernels';

/** Whether a convolution of these shapes cuts its input into whole patches. @param inputShape of x; @param filterShape [kd,kh,kw,I,O] */
export const cutsPatches = (inputShape: readonly number[], filterShape: readonly number[], attrs: ConvAttrs): boolean =>
  [0, 1, 2].every(
    (axis) =>
      attrs.padding[axis] === 0 &&
      attrs.stride[axis] === filterShape[axis] &&
      inputShape[axis + 1]! % filterShape[axis]! === 0,
  );

/** Sizes on the way between a volume and its patches; two axes change places at a time, so that no tensor has more than five. */
function shapes([n, d, h, w, c]: Shape5D, [pd, ph, pw]: readonly number[]) {
  const [gd, gh, gw] = [d / pd!, h / ph!, w / pw!];
  return {
    lines: [n * d, gh, ph!, gw, pw! * c],
    planes: [n, gd, pd!, gh * gw, ph! * pw! * c],
    turnedLines: [n * d, gh, gw, ph!, pw! * c],
    turnedPlanes: [n, gd, gh * gw, pd!, ph! * pw! * c],
    patches: [n * gd * gh * gw, pd! * ph! * pw! * c],
  };
}

const SWAP = [0, 1, 3, 2, 4];

/** [N,D,H,W,I] → [patches, kd·kh·kw·I]. */
function patchesOf(x: tf.Tensor, kernel: readonly number[]): tf.Tensor2D {
  const { lines, planes, patches } = shapes(x.shape as Shape5D, kernel);
  const turned = tf.transpose(tf.reshape(x, lines), SWAP);
  return tf.reshape(tf.transpose(tf.reshape(turned, planes), SWAP), patches as [number, number]);
}

/** The way back, to a volume of this shape. */
function volumeOfPatches(patches: tf.Tensor2D, shape: Shape5D, kernel: readonly number[]): tf.Tensor5D {
  const { turnedPlanes, turnedLines } = shapes(shape, kernel);
  const planes = tf.transpose(tf.reshape(patches, turnedPlanes), SWAP);
  return tf.reshape(tf.transpose(tf.reshape(planes, turnedLines), SWAP), shape);
}

const matrix = (filter: tf.Tensor): tf.Tensor2D => tf.reshape(filter, [-1, filter.shape[4]!]);
const rows = (y: tf.Tensor): tf.Tensor2D => tf.reshape(y, [-1, y.shape[4]!]);

/** x [N,D,H,W,I], filter [kd,kh,kw,I,O] → [N,D/kd,H/kh,W/kw,O]. */
export function patchesForward(x: tf.Tensor, filter: tf.Tensor): tf.Tensor5D {
  const [n, d, h, w] = x.shape as Shape5D;
  const [kd, kh, kw, , out] = filter.shape as Shape5D;
  return tf.reshape(tf.matMul(patchesOf(x, filter.shape), matrix(filter)), [n, d / kd, h / kh, w / kw, out]);
}

/** The gradient of x, of shape `inputShape`. */
export const patchesInput = (dy: tf.Tensor, filter: tf.Tensor, inputShape: Shape5D): tf.Tensor5D =>
  volumeOfPatches(tf.matMul(rows(dy), matrix(filter), false, true), inputShape, filter.shape);

/** The gradient of the filter, of shape `filterShape`. */
export const patchesFilter = (x: tf.Tensor, dy: tf.Tensor, filterShape: Shape5D): tf.Tensor5D =>
  tf.reshape(tf.matMul(patchesOf(x, filterShape), rows(dy), true), filterShape);
