/** Reductions over any axes, and softmax. */
import * as tf from '../../../tf';
import { Reduction } from '../addon';
import { type Call, isFloat, type KernelFn, type KernelTable, need, sizeOf } from './context';

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

function reduceOnce(call: Call, op: number, x: tf.TensorInfo, [from, to]: [number, number]): tf.TensorInfo {
  const { backend } = call;
  const shape = x.shape.map((n, axis) => (axis >= from && axis <= to ? 1 : n));
  const y = backend.empty(shape);
  const middle = sizeOf(x.shape.slice(from, to + 1));
  backend.addon.reduce(
    op, backend.floats(x), backend.floats(y), sizeOf(x.shape.slice(0, from)), middle, sizeOf(x.shape.slice(to + 1)),
  ); // prettier-ignore
  return y;
}

function reduceKernel(op: number, axisName: string): KernelFn {
  return (call) => {
    const x = need(call, 'x');
    if (!isFloat(x)) return undefined;
    const axes = tf.util.parseAxisParam(call.attrs[axisName] as number | number[], x.shape);
    const runs = groups(axes, x.shape);
    const keepDims = call.attrs.keepDims === true;
    const shape = x.shape.flatMap((n, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [n]));
    let y: tf.TensorInfo | undefined;
    for (const run of runs) {
      const next = reduceOnce(call, op, y ?? x, run);
      if (y) call.backend.disposeIntermediateTensorInfo(y);
      y = next;
    }
    if (!y) {
      call.backend.incRef(x.dataId);
      y = x;
    }
    return { dataId: y.dataId, shape, dtype: 'float32' };
  };
}

function softmaxKernel(input: string, axisName: string, logarithm: boolean): KernelFn {
  return (call) => {
    const x = need(call, input);
    const n = x.shape[x.shape.length - 1] ?? 1;
    const axis = call.attrs[axisName] as number;
    if (!isFloat(x) || (axis !== -1 && axis !== x.shape.length - 1)) return undefined;
    const y = call.backend.empty(x.shape);
    call.backend.addon.softmax(call.backend.floats(x), call.backend.floats(y), sizeOf(x.shape) / n, n, logarithm);
    return y;
  };
}

export const reduceKernels: KernelTable = {
  Sum: reduceKernel(Reduction.Sum, 'axis'),
  Mean: reduceKernel(Reduction.Mean, 'axis'),
  Max: reduceKernel(Reduction.Max, 'reductionIndices'),
  Min: reduceKernel(Reduction.Min, 'axis'),
  Softmax: softmaxKernel('logits', 'dim', false),
  LogSoftmax: softmaxKernel('logits', 'axis', true),
};
