/** Kernels of tfjs that networks call. */
import * as tf from '../../tensor/tf';
import type { Call, LoweringTable } from '../lowering';
import type { Value } from '../recording';

const sameShape = (a: Value, b: Value): boolean =>
  a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);

/** The layout in which all of these are there already, else channels last. */
const commonLayout = (values: readonly Value[]): 'first' | 'last' =>
  values.every(({ first }) => first !== undefined) ? 'first' : 'last';

/** Elementwise operations of two tensors of one shape keep their layout; others are broadcast as in tfjs. */
export function binary(op: string) {
  return ({ recording, inputs: { a, b } }: Pick<Call<'Add'>, 'recording' | 'inputs'>): Value => {
    const layout = sameShape(a, b) ? commonLayout([a, b]) : 'last';
    const names = [a, b].map((value) => recording[layout](value));
    const shape = tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    return recording.made(shape, layout, recording.graph.node(op, names));
  };
}

function reshape({ recording, inputs: { x }, attrs }: Call<'Reshape'>): Value {
  const shape = tf.util.inferFromImplicitShape(attrs.shape, tf.util.sizeFromShape([...x.shape]));
  return recording.made(shape, 'last', recording.reshape(recording.last(x), shape));
}

function transpose({ recording, inputs: { x }, attrs: { perm } }: Call<'Transpose'>): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  return recording.made(shape, 'last', recording.transpose(recording.last(x), perm));
}

function slice({ recording, inputs: { x }, attrs: { begin, size } }: Call<'Slice'>): Value {
  const [starts, shape] = tf.slice_util.parseSliceParams({ shape: [...x.shape] } as tf.TensorInfo, begin, size);
  const axes = shape.flatMap((length, axis) => (length === x.shape[axis] ? [] : [axis]));
  const of = (list: readonly number[]): number[] => axes.map((axis) => list[axis]!);
  const ends = starts!.map((start, axis) => start + shape[axis]!);
  const name = recording.last(x);
  const cut = axes.length === 0 ? name : recording.slice(name, of(starts!), of(ends), axes);
  return recording.made(shape, 'last', cut);
}

function concat({ recording, inputs: values, attrs: { axis } }: Call<'Concat'>): Value {
  const one = values[0]!;
  const shape = one.shape.map((size, at) =>
    at === axis ? values.reduce((sum, value) => sum + value.shape[at]!, 0) : size,
  );
  // Skip connections meet here, before a convolution.
  const layout = one.shape.length === 5 && axis === 4 ? 'first' : 'last';
  const names = values.map((value) => recording[layout](value));
  const at = layout === 'first' ? 1 : axis;
  return recording.made(shape, layout, recording.graph.node('Concat', names, { axis: { int: at } }));
}

function sigmoid({ recording, inputs: { x } }: Call<'Sigmoid'>): Value {
  return recording.made(x.shape, 'last', recording.graph.node('Sigmoid', [recording.last(x)]));
}

/** Means over space, without the axes that are averaged. */
function mean({ recording, inputs: { x }, attrs: { axis: averaged, keepDims } }: Call<'Mean'>): Value {
  const axes = tf.util.parseAxisParam(averaged, [...x.shape]);
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
  Multiply: binary('Mul'),
  RealDiv: binary('Div'),
  Sigmoid: sigmoid,
  Identity: ({ inputs }) => inputs.x,
  Reshape: reshape,
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Mean: mean,
};
