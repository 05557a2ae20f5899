/** 3D convolution and its gradients on backends that have no kernel of ours for it. */
import type { Vec3 } from '../../geometry';
import * as tf from '../tf';
import { cutsPatches, patchesFilter, patchesForward, patchesInput } from './convByPatches';
import { tapsFilter, tapsForward, tapsInput } from './convByTaps';
import { hasKernel, runKernel } from './dispatch';
import type { ConvAttrs, Shape5D } from './kernels';

/**
 * Whether tfjs's own kernels can be used. Those of its wasm backend (4.22) give wrong gradients, and its forward pass is
 * slower than matrix products.
 */
const tfjsConvolves = (): boolean =>
  tf.getBackend() !== 'wasm' &&
  (['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2'] as const).every(hasKernel);

const pad = (x: tf.Tensor, [d, h, w]: Vec3): tf.Tensor5D =>
  (d + h + w > 0 ? tf.pad(x, [[0, 0], [d, d], [h, h], [w, w], [0, 0]]) : x) as tf.Tensor5D; // prettier-ignore

/**
 * Where the padding is what tfjs calls `same` (stride 1, half the kernel) it is left to tfjs; elsewhere a padded copy is
 * made. Padding given as numbers is not known to every backend.
 */
const isSame = (filterShape: number[], { stride, padding }: ConvAttrs): boolean =>
  padding.every((p, axis) => stride[axis] === 1 && 2 * p === filterShape[axis]! - 1);

const paddedShape = ([n, d, h, w, c]: Shape5D, [pd, ph, pw]: Vec3): Shape5D => [
  n,
  d + 2 * pd,
  h + 2 * ph,
  w + 2 * pw,
  c,
];

const crop = (x: tf.Tensor5D, [pd, ph, pw]: Vec3, shape: Shape5D): tf.Tensor5D =>
  pd + ph + pw > 0 ? tf.slice(x, [0, pd, ph, pw, 0], shape) : x;

/** x [N,D,H,W,I], filter [kd,kh,kw,I,O] → [N,D',H',W',O]. */
export function composedForward(x: tf.Tensor, filter: tf.Tensor, attrs: ConvAttrs): tf.Tensor5D {
  if (!tfjsConvolves() && cutsPatches(x.shape, filter.shape, attrs)) return patchesForward(x, filter);
  if (!tfjsConvolves()) return tapsForward(pad(x, attrs.padding), filter, attrs.stride);
  const same = isSame(filter.shape, attrs);
  const input = same ? (x as tf.Tensor5D) : pad(x, attrs.padding);
  return tf.conv3d(input, filter as tf.Tensor5D, [...attrs.stride], same ? 'same' : 'valid');
}

/** The gradient of x, of shape `inputShape`. */
export function composedInput(dy: tf.Tensor, filter: tf.Tensor, inputShape: Shape5D, attrs: ConvAttrs): tf.Tensor5D {
  const { stride, padding } = attrs;
  const larger = paddedShape(inputShape, padding);
  if (!tfjsConvolves() && cutsPatches(inputShape, filter.shape, attrs)) return patchesInput(dy, filter, inputShape);
  if (!tfjsConvolves()) return crop(tapsInput(dy, filter, larger, stride), padding, inputShape);
  const [y, f] = [dy as tf.Tensor5D, filter as tf.Tensor5D];
  if (isSame(filter.shape, attrs)) return tf.conv3dTranspose(y, f, inputShape, [...stride], 'same') as tf.Tensor5D;
  return crop(tf.conv3dTranspose(y, f, larger, [...stride], 'valid') as tf.Tensor5D, padding, inputShape);
}

/** The gradient of the filter, of shape `filterShape`. */
export function composedFilter(x: tf.Tensor, dy: tf.Tensor, filterShape: Shape5D, attrs: ConvAttrs): tf.Tensor5D {
  if (!tfjsConvolves() && cutsPatches(x.shape, filterShape, attrs)) return patchesFilter(x, dy, filterShape);
  if (!tfjsConvolves()) return tapsFilter(pad(x, attrs.padding), dy, filterShape, attrs.stride);
  const same = isSame(filterShape, attrs);
  const input = same ? x : pad(x, attrs.padding);
  const [d, h, w] = attrs.stride;
  const options = {
    strides: [d, h, w] as [number, number, number],
    pad: same ? 'same' : 'valid',
    filterShape,
  } as const;
  return runKernel('Conv3DBackpropFilterV2', { x: input, dy }, options) as tf.Tensor5D;
}
