import { mapAxes, type Vec3 } from '../../geometry';
import * as tf from '../tf';
import { differentiable, hasKernel, present, runKernel } from './dispatch';
import { composedFilter, composedForward, composedInput } from './convComposed';
import { Kernel, type ConvAttrs, type Shape5D } from './kernels';

export interface ConvOptions {
  stride?: number | Vec3;
  /** Zero voxels added on both sides of each axis, as torch.nn.Conv3d's `padding`. */
  padding?: number | Vec3;
  bias?: tf.Tensor1D;
}

const triple = (value: number | Vec3 | undefined, fallback: number): Vec3 =>
  typeof value === 'object' ? value : mapAxes(() => value ?? fallback);

/** x ⋆ filter + bias. */
function forward(x: tf.Tensor, filter: tf.Tensor, attrs: ConvAttrs, bias?: tf.Tensor): tf.Tensor5D {
  if (hasKernel(Kernel.Conv3D)) return runKernel(Kernel.Conv3D, { x, filter, bias }, attrs) as tf.Tensor5D;
  const y = composedForward(x, filter, attrs);
  return bias ? tf.add(y, bias) : y;
}

/** The gradient of {@link forward}'s x, of shape `inputShape`. */
function backwardInput(dy: tf.Tensor, filter: tf.Tensor, inputShape: Shape5D, attrs: ConvAttrs): tf.Tensor5D {
  return hasKernel(Kernel.Conv3DBackpropInput)
    ? (runKernel(Kernel.Conv3DBackpropInput, { dy, filter }, { ...attrs, inputShape }) as tf.Tensor5D)
    : composedInput(dy, filter, inputShape, attrs);
}

/** The gradients of {@link forward}'s filter and, where there is one, bias. */
function backwardFilter(
  x: tf.Tensor,
  dy: tf.Tensor,
  filterShape: Shape5D,
  attrs: ConvAttrs,
  bias: boolean,
): [tf.Tensor, tf.Tensor?] {
  if (hasKernel(Kernel.Conv3DBackpropFilter)) {
    return runKernel(Kernel.Conv3DBackpropFilter, { x, dy }, { ...attrs, filterShape, bias });
  }
  const dFilter = composedFilter(x, dy, filterShape, attrs);
  return bias ? [dFilter, tf.sum(dy, [0, 1, 2, 3])] : [dFilter];
}

/**
 * 3D convolution as torch.nn.Conv3d (cross-correlation, zero padding on both sides). The gradient keeps x and filter.
 *
 * @param x [N,D,H,W,I]
 * @param filter [kd,kh,kw,I,O]
 * @param options.bias [O]
 * @returns [N,D',H',W',O], each size ⌊(size + 2·padding − kernel) / stride⌋ + 1.
 */
export function conv3d(x: tf.Tensor5D, filter: tf.Tensor5D, options: ConvOptions = {}): tf.Tensor5D {
  const attrs = { stride: triple(options.stride, 1), padding: triple(options.padding, 0) };
  const bias = options.bias;
  return differentiable<tf.Tensor5D>(
    present({ x, filter, bias }),
    (save) => {
      save([x, filter]);
      return forward(x, filter, attrs, bias);
    },
    (dy, saved) => {
      const [savedX, savedFilter] = saved as [tf.Tensor, tf.Tensor];
      const [dFilter, dBias] = backwardFilter(savedX, dy, filter.shape, attrs, bias !== undefined);
      return {
        x: () => backwardInput(dy, savedFilter, x.shape, attrs),
        filter: () => dFilter,
        bias: () => dBias!,
      };
    },
  );
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Voxels that the output has more at the end of each axis, fewer than the stride, as torch.nn.ConvTranspose3d's `output_padding`. */
  outputPadding?: number | Vec3;
}

/**
 * Transposed 3D convolution as torch.nn.ConvTranspose3d; `padding` takes voxels away from both sides of each axis.
 *
 * @param x [N,D,H,W,I]
 * @param filter [kd,kh,kw,O,I]
 * @param options.bias [O]
 * @returns [N,D',H',W',O], each size (size − 1)·stride − 2·padding + kernel + outputPadding.
 */
export function convTranspose3d(x: tf.Tensor5D, filter: tf.Tensor5D, options: ConvTransposeOptions = {}): tf.Tensor5D {
  const attrs: ConvAttrs = { stride: triple(options.stride, 1), padding: triple(options.padding, 0) };
  const more = triple(options.outputPadding, 0);
  const spatial = (axis: number): number =>
    (x.shape[axis + 1]! - 1) * attrs.stride[axis]! - 2 * attrs.padding[axis]! + filter.shape[axis]! + more[axis]!;
  const shape: Shape5D = [x.shape[0], spatial(0), spatial(1), spatial(2), filter.shape[3]];
  const bias = options.bias;
  return differentiable<tf.Tensor5D>(
    present({ x, filter, bias }),
    (save) => {
      save([x, filter]);
      const y = backwardInput(x, filter, shape, attrs);
      return bias ? tf.add(y, bias) : y;
    },
    (dy, saved) => {
      const [savedX, savedFilter] = saved as [tf.Tensor, tf.Tensor];
      return {
        x: () => forward(dy, savedFilter, attrs),
        filter: () => backwardFilter(dy, savedX, filter.shape, attrs, false)[0],
        bias: () => tf.sum(dy, [0, 1, 2, 3]),
      };
    },
  );
}
