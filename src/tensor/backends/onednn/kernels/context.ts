/** What the kernels share: how one is written, and shapes as the addon wants them. */
import type * as tf from '../../../tf';
import type { KernelName } from '../../../ops/kernels';
import type { KernelCall, KernelFn, KernelTable } from '../../../ops/kernelTable';
import type { OneDnnBackend } from '../backend';

export type Call<N extends KernelName> = KernelCall<N, OneDnnBackend>;

/** A kernel; `undefined` says that this case is left to the `cpu` backend's kernel of the same name. */
export type Kernel<N extends KernelName> = KernelFn<N, OneDnnBackend, undefined>;
export type Kernels = KernelTable<OneDnnBackend, undefined>;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Strides of a dense row-major tensor, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d]!;
  }
  return strides;
}

/** True for tensors that the addon computes on: float32 and not empty. */
export function isFloat(...tensors: (tf.TensorInfo | undefined)[]): boolean {
  return tensors.every((t) => t === undefined || (t.dtype === 'float32' && sizeOf(t.shape) > 0));
}

export function optionalFloats(backend: OneDnnBackend, tensor: tf.TensorInfo | undefined): Float32Array | null {
  return tensor ? backend.floats(tensor) : null;
}

/** The same values under another shape. */
export function alias(backend: OneDnnBackend, x: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape, dtype: x.dtype };
}

/**
 * Drops axes of length 1 and merges neighbours that both operands walk through in one stride, so that loops are long.
 * Returns at least one dimension.
 */
export function collapse(
  dims: readonly number[],
  a: readonly number[],
  b: readonly number[],
): [number[], number[], number[]] {
  const out: [number[], number[], number[]] = [[], [], []];
  const [n, sa, sb] = out;
  for (let d = 0; d < dims.length; d++) {
    if (dims[d] === 1) continue;
    const last = n.length - 1;
    if (last >= 0 && sa[last] === a[d]! * dims[d]! && sb[last] === b[d]! * dims[d]!) {
      n[last]! *= dims[d]!;
      sa[last] = a[d]!;
      sb[last] = b[d]!;
    } else {
      n.push(dims[d]!);
      sa.push(a[d]!);
      sb.push(b[d]!);
    }
  }
  if (n.length === 0) {
    n.push(1);
    sa.push(1);
    sb.push(1);
  }
  return out;
}
