/** Reductions over any axes, and softmax. */
import * as tf from '../../../tf';
import { Reduction } from '../addon';
import type { OneDnnBackend } from '../backend';
import { type Call, isFloat, type Kernel, type Kernels, sizeOf } from './context';

/** Runs of neighbouring axes (length-1 axes aside) that are reduced together, last first. */
function groups(axes: number[], shape: readonly number[]): [number, number][] {
  const reduced = axes.filter((axis) => shape[axis]! > 1).sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const axis of reduced) {
    const last = runs[runs.length - 1];
    const touches = last !== undefined && shape.slice(last[1] + 1, axis).every((n) => n === 1);
    if (touches) last[1] = axis;
    else runs.push([axis, axis]);
  }
  return runs.reverse();
}

function reduceOnce(backend: OneDnnBackend, op: number, x: tf.TensorInfo, [from, to]: [number, number]): tf.TensorInfo {
  const shape = x.shape.map((n, axis) => (axis >= from && axis <= to ? 1 : n));
  const y = backend.empty(shape);
  const middle = sizeOf(x.shape.slice(from, to + 1));
  backend.addon.reduce(
    op, backend.floats(x), backend.floats(y), sizeOf(x.shape.slice(0, from)), middle, sizeOf(x.shape.slice(to + 1)),
  ); // prettier-ignore
  return y;
}

function reduceKernel(op: number): Kernel<'Sum' | 'Mean' | 'Max' | 'Min'> {
  return ({ inputs: { x }, attrs, backend }) => {
    if (!isFloat(x)) return undefined;
    const axes = tf.util.parseAxisParam('axis' in attrs ? attrs.axis : attrs.reductionIndices, x.shape);
    const runs = groups(axes, x.shape);
    const { keepDims } = attrs;
    const shape = x.shape.flatMap((n, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [n]));
    let y: tf.TensorInfo | undefined;
    for (const run of runs) {
      const next = reduceOnce(backend, op, y ?? x, run);
      if (y) backend.disposeIntermediateTensorInfo(y);
      y = next;
    }
    if (!y) {
      backend.incRef(x.dataId);
      y = x;
    }
    return { dataId: y.dataId, shape, dtype: 'float32' };
  };
}

/** Over the last axis; others are left to `cpu`. */
function softmax(
  { inputs: { logits: x }, backend }: Call<'Softmax' | 'LogSoftmax'>,
  axis: number,
  logarithm: boolean,
): tf.TensorInfo | undefined {
  const n = x.shape[x.shape.length - 1] ?? 1;
  if (!isFloat(x) || (axis !== -1 && axis !== x.shape.length - 1)) return undefined;
  const y = backend.empty(x.shape);
  backend.addon.softmax(backend.floats(x), backend.floats(y), sizeOf(x.shape) / n, n, logarithm);
  return y;
}

export const reduceKernels: Kernels = {
  Sum: reduceKernel(Reduction.Sum),
  Mean: reduceKernel(Reduction.Mean),
  Max: reduceKernel(Reduction.Max),
  Min: reduceKernel(Reduction.Min),
  Softmax: (call) => softmax(call, call.attrs.dim, false),
  LogSoftmax: (call) => softmax(call, call.attrs.axis, true),
};
