/** Kernels of tfjs that networks call. */
import * as tf from '../../tensor/tf';
import { need, type Call, type Lowering, type LoweringTable } from '../lowering';
import type { Value } from '../recording';

const sameShape = (a: Value, b: Value): boolean =>
  a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);

/** The layout in which all of these are there already, else channels last. */
const commonLayout = (values: readonly Value[]): 'first' | 'last' =>
  values.every(({ first }) => first !== undefined) ? 'first' : 'last';

/** Elementwise operations of two tensors of one shape keep their layout; others are broadcast as in tfjs. */
export function binary(op: string): Lowering {
  return (call) => {
    const { recording } = call;
    const [a, b] = [need(call, 'a'), need(call, 'b')];
    const layout = sameShape(a, b) ? commonLayout([a, b]) : 'last';
    const names = [a, b].map((value) => recording[layout](value));
    const shape = tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    return recording.made(shape, layout, recording.graph.node(op, names));
  };
}

function reshape(call: Call): Value {
  const x = need(call, 'x');
  const shape = tf.util.inferFromImplicitShape(call.attrs.shape as number[], tf.util.sizeFromShape([...x.shape]));
  return call.recording.made(shape, 'last', call.recording.reshape(call.recording.last(x), shape));
}

function transpose(call: Call): Value {
  const x = need(call, 'x');
  const perm = call.attrs.perm as number[];
  const shape = perm.map((axis) => x.shape[axis]!);
  return call.recording.made(shape, 'last', call.recording.transpose(call.recording.last(x), perm));
}

function slice(call: Call): Value {
  const x = need(call, 'x');
  const { begin, size } = call.attrs as { begin: number[]; size: number[] };
  const [starts, shape] = tf.slice_util.parseSliceParams({ shape: [...x.shape] } as tf.TensorInfo, begin, size);
  const axes = shape.flatMap((length, axis) => (length === x.shape[axis] ? [] : [axis]));
  const of = (list: readonly number[]): number[] => axes.map((axis) => list[axis]!);
  const ends = starts!.map((start, axis) => start + shape[axis]!);
  const name = call.recording.last(x);
  const cut = axes.length === 0 ? name : call.recording.slice(name, of(starts!), of(ends), axes);
  return call.recording.made(shape, 'last', cut);
}

function concat({ recording, inputs, attrs }: Call): Value {
  const values = Object.values(inputs) as Value[];
  const axis = attrs.axis as number;
  const [one] = values as [Value];
  const shape = one.shape.map((size, at) =>
    at === axis ? values.reduce((sum, value) => sum + value.shape[at]!, 0) : size,
  );
  // Skip connections meet here, before a convolution.
  const layout = one.shape.length === 5 && axis === 4 ? 'first' : 'last';
  const names = values.map((value) => recording[layout](value));
  const at = layout === 'first' ? 1 : axis;
  return recording.made(shape, layout, recording.graph.node('Concat', names, { axis: { int: at } }));
}

/** Means over space, without the axes that are averaged. */
function mean(call: Call): Value {
  const { recording } = call;
  const x = need(call, 'x');
  const axes = tf.util.parseAxisParam(call.attrs.axis as number | number[], [...x.shape]);
  const { keepDims } = call.attrs as { keepDims?: boolean };
  if (keepDims) throw new Error('a mean that keeps its axes is not part of any network');
  const pooled = x.shape.length === 5 && axes.join() === '1,2,3' && x.first !== undefined;
  const name = pooled ? recording.first(x) : recording.last(x);
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  const attributes = { axes: { ints: pooled ? [2, 3, 4] : axes }, keepdims: { int: 0 } };
  return recording.made(shape, 'last', recording.graph.node('ReduceMean', [name], attributes));
}

export const basicKernels: LoweringTable = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  RealDiv: binary('Div'),
  Identity: (call) => need(call, 'x'),
  Reshape: reshape,
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Mean: mean,
};
