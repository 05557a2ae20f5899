/** Operations and their gradients on fixed inputs, to compare devices with. */
import type { Vec3 } from '../../../../../src/geometry';
import { conv3d, convTranspose3d, linear, windowAttention, windowSize } from '../../../../../src/tensor/ops';
import * as tf from '../../../../../src/tensor/tf';
import { normal } from '../../support';

export type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;
export interface Case {
  name: string;
  shapes: number[][];
  operation: Operation;
  tolerance?: number;
}

/** What is done to an input's or an output gradient's values. */
export type Round = (values: Float32Array) => Float32Array;
const asItIs: Round = (values) => values;

async function fixed(name: string, shape: number[], round: Round): Promise<tf.Tensor> {
  const values = normal(name, shape);
  const rounded = tf.tensor(round((await values.data()) as Float32Array), shape);
  values.dispose();
  return rounded;
}

/** Output and input gradients for fixed inputs and output gradient, on the current backend. */
export async function outputAndGradients(
  { shapes, operation }: Case,
  round: Round = asItIs,
): Promise<ArrayLike<number>[]> {
  const inputs = await Promise.all(shapes.map((shape, i) => fixed(`input${i}`, shape, round)));
  const y = operation(...inputs);
  const dy = await fixed('dy', y.shape, round);
  const results = [y, ...tf.grads(operation)(inputs, dy)];
  const values = await Promise.all(results.map((tensor) => tensor.data()));
  tf.dispose([...inputs, dy, ...results]);
  return values;
}

export const conv =
  (stride: Vec3, padding: Vec3): Operation =>
  (x, filter, bias) =>
    conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, { stride, padding, bias: bias as tf.Tensor1D });
export const transposedConv =
  (stride: Vec3): Operation =>
  (x, filter) =>
    convTranspose3d(x as tf.Tensor5D, filter as tf.Tensor5D, { stride });

export const dense: Operation = (x, weight, bias) => linear(x, weight as tf.Tensor2D, bias as tf.Tensor1D);
/** Attention of `heads` heads of `width` channels in a volume of `size`. */
export function attention(name: string, batch: number, size: Vec3, shift: Vec3, heads: number, width: number, tableWindow: Vec3 = [7, 7, 7]): Case {
  const inUse = windowSize(size, tableWindow, shift);
  const rows = tableWindow.reduce((product, side) => product * (2 * side - 1), 1);
  const attrs = { tableWindow, ...inUse, heads, scale: width ** -0.5 };
  return {
    name,
    shapes: [[batch, ...size, 3 * heads * width], [3 * heads * width], [rows, heads]],
    operation: (qkv, pad, table) => windowAttention(qkv as tf.Tensor5D, pad as tf.Tensor1D, table as tf.Tensor2D, attrs),
    tolerance: 5e-5,
  };
} // prettier-ignore
