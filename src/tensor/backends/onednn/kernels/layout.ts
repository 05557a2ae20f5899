/** Kernels that move values: each is one strided copy. */
import * as tf from '../../../tf';
import type { OneDnnBackend } from '../backend';
import { alias, collapse, type Kernel, type Kernels, sizeOf, stridesOf } from './context';
import { filled } from './elementwise';

interface Walk {
  offset?: number;
  strides: readonly number[];
}

const MOST_AXES = 10;

/** Copies a box of `dims` elements; the walks say where each operand begins and how it steps. */
function copy(
  backend: OneDnnBackend,
  x: tf.TensorInfo,
  y: tf.TensorInfo,
  dims: readonly number[],
  from: Walk,
  to: Walk,
): void {
  // Written in order: the axes are those of the target, slowest first.
  const order = dims.map((_, axis) => axis).sort((a, b) => to.strides[b]! - to.strides[a]!);
  const [n, sf, st] = collapse(
    order.map((axis) => dims[axis]!),
    order.map((axis) => from.strides[axis]!),
    order.map((axis) => to.strides[axis]!),
  );
  // A transposition is copied in squares: the axis that is dense in the source goes next to the last.
  const dense = sf.indexOf(1);
  if (dense >= 0 && dense < n.length - 2) {
    for (const list of [n, sf, st]) list.splice(n.length - 2, 0, list.splice(dense, 1)[0]!);
  }
  backend.addon.copy(backend.values(x), from.offset ?? 0, backend.values(y), to.offset ?? 0, n, sf, st);
}

/** float32, int32 and bool only; not empty; few enough axes. */
function movable(
  x: tf.TensorInfo,
  axes = x.shape.length,
): x is tf.TensorInfo & { dtype: 'float32' | 'int32' | 'bool' } {
  return (
    (x.dtype === 'float32' || x.dtype === 'int32' || x.dtype === 'bool') && sizeOf(x.shape) > 0 && axes <= MOST_AXES
  );
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

const transpose: Kernel<'Transpose'> = ({ inputs: { x }, attrs: { perm }, backend }) => {
  if (!movable(x)) return undefined;
  const shape = perm.map((axis) => x.shape[axis]!);
  const strides = stridesOf(x.shape);
  const y = backend.empty(shape, x.dtype);
  copy(backend, x, y, shape, { strides: perm.map((axis) => strides[axis]!) }, { strides: stridesOf(shape) });
  return y;
};

const slice: Kernel<'Slice'> = ({ inputs: { x }, attrs: { begin, size }, backend }) => {
  if (!movable(x)) return undefined;
  const [start, dims] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size) as [number[], number[]];
  tf.slice_util.assertParamsValid(x as tf.Tensor, start, dims);
  if (sizeOf(dims) === 0) return undefined;
  const y = backend.empty(dims, x.dtype);
  const strides = stridesOf(x.shape);
  copy(backend, x, y, dims, { offset: dot(start, strides), strides }, { strides: stridesOf(dims) });
  return y;
};

/** The gradient of a concatenation. */
const split: Kernel<'SplitV'> = ({ inputs: { x }, attrs: { numOrSizeSplits, axis }, backend }) => {
  if (!movable(x)) return undefined;
  const [along] = tf.util.parseAxisParam(axis, x.shape) as [number];
  const strides = stridesOf(x.shape);
  let start = 0;
  return tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, along).map((length) => {
    const dims = x.shape.map((n, i) => (i === along ? length : n));
    const y = backend.empty(dims, x.dtype);
    const from = { offset: start * strides[along]!, strides };
    if (length > 0) copy(backend, x, y, dims, from, { strides: stridesOf(dims) });
    start += length;
    return y;
  });
};

const stridedSlice: Kernel<'StridedSlice'> = ({ inputs: { x }, attrs: a, backend }) => {
  if (!movable(x)) return undefined;
  const info = tf.slice_util.sliceInfo(
    x.shape, a.begin, a.end, a.strides, a.beginMask, a.endMask, a.ellipsisMask, a.newAxisMask, a.shrinkAxisMask,
  ); // prettier-ignore
  const { begin, end, strides: step, finalShape } = info;
  const dims = begin.map((from, d) => Math.max(0, Math.ceil((end[d]! - from) / step[d]!)));
  if (sizeOf(dims) === 0 || begin.length !== x.shape.length) return undefined;
  const y = backend.empty(finalShape, x.dtype);
  const strides = stridesOf(x.shape);
  const walk = { offset: dot(begin, strides), strides: strides.map((s, d) => s * step[d]!) };
  copy(backend, x, y, dims, walk, { strides: stridesOf(dims) });
  return y;
};

const reverse: Kernel<'Reverse'> = ({ inputs: { x }, attrs: { dims }, backend }) => {
  if (!movable(x) || x.shape.length === 0) return undefined;
  const axes = tf.util.parseAxisParam(dims, x.shape);
  const strides = stridesOf(x.shape);
  const offset = axes.reduce((sum, axis) => sum + (x.shape[axis]! - 1) * strides[axis]!, 0);
  const y = backend.empty(x.shape, x.dtype);
  const walk = { offset, strides: strides.map((s, d) => (axes.includes(d) ? -s : s)) };
  copy(backend, x, y, x.shape, walk, { strides });
  return y;
};

const concat: Kernel<'Concat'> = ({ inputs: all, attrs, backend }) => {
  const axis = tf.util.parseAxisParam(attrs.axis, all[0]!.shape)[0]!;
  tf.backend_util.assertParamsConsistent(
    all.map((t) => t.shape),
    axis,
  );
  const first = all[0]!;
  const parts = all.filter((t) => sizeOf(t.shape) > 0);
  if (parts.length === 0 || !movable(first) || all.some((t) => t.dtype !== first.dtype)) return undefined;
  const shape = tf.backend_util.computeOutShape(
    all.map((t) => t.shape),
    axis,
  );
  const y = backend.empty(shape, first.dtype);
  const strides = stridesOf(shape);
  let at = 0;
  for (const part of parts) {
    copy(backend, part, y, part.shape, { strides: stridesOf(part.shape) }, { offset: at * strides[axis]!, strides });
    at += part.shape[axis]!;
  }
  return y;
};

const pad: Kernel<'PadV2'> = ({ inputs: { x }, attrs: { paddings, constantValue }, backend }) => {
  if (!movable(x) || x.dtype !== 'float32' || typeof constantValue !== 'number') return undefined;
  const shape = x.shape.map((n, d) => n + paddings[d]![0] + paddings[d]![1]);
  if (sizeOf(shape) === sizeOf(x.shape)) return alias(backend, x, shape);
  const y = filled(backend, shape, constantValue);
  const strides = stridesOf(shape);
  const before = paddings.map(([n]) => n);
  copy(backend, x, y, x.shape, { strides: stridesOf(x.shape) }, { offset: dot(before, strides), strides });
  return y;
};

/** Repeats each axis: read with a stride of 0 along a new axis before it. */
const tile: Kernel<'Tile'> = ({ inputs: { x }, attrs: { reps }, backend }) => {
  if (!movable(x, 2 * x.shape.length) || reps.length !== x.shape.length || sizeOf(reps) === 0) return undefined;
  const shape = x.shape.map((n, d) => n * reps[d]!);
  const y = backend.empty(shape, x.dtype);
  const dims = x.shape.flatMap((n, d) => [reps[d]!, n]);
  const from = stridesOf(x.shape).flatMap((s) => [0, s]);
  copy(backend, x, y, dims, { strides: from }, { strides: stridesOf(dims) });
  return y;
};

const gather: Kernel<'GatherV2'> = ({ inputs: { x, indices }, attrs: { axis: wanted, batchDims }, backend }) => {
  const axis = tf.util.parseAxisParam(wanted, x.shape)[0]!;
  if (!movable(x) || batchDims || indices.dtype !== 'int32' || sizeOf(indices.shape) === 0) return undefined;
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const length = x.shape[axis]!;
  const rows = backend.values(indices);
  const y = backend.empty([...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x.dtype);
  const [from, to] = [backend.values(x), backend.values(y)];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (row < 0 || row >= length) throw new Error(`GatherV2: the index value ${row} is not in [0, ${length - 1}]`);
      const at = (o * length + row) * inner;
      to.set(from.subarray(at, at + inner), (o * rows.length + i) * inner);
    }
  }
  return y;
};

/**
 * To a wider type. `cpu` lets the result share the narrower array, which the addon could not read as floats; casts that
 * lose values are left to it.
 */
const cast: Kernel<'Cast'> = ({ inputs: { x }, attrs: { dtype }, backend }) => {
  if (x.dtype === dtype || !movable(x) || (dtype !== 'float32' && dtype !== 'int32')) return undefined;
  if (tf.util.hasEncodingLoss(x.dtype, dtype)) return undefined;
  const y = backend.empty(x.shape, dtype);
  backend.values(y).set(backend.values(x));
  return y;
};

export const layoutKernels: Kernels = {
  Cast: cast,
  Transpose: transpose,
  Slice: slice,
  StridedSlice: stridedSlice,
  SplitV: split,
  Reverse: reverse,
  Concat: concat,
  PadV2: pad,
  Tile: tile,
  GatherV2: gather,
};
