import { expect } from 'vitest';
import * as tf from '../../src/tensor/tf';
import { fromTorchLayout, toTorchLayout } from '../../src/tensor/torchLayout';
import type { ParameterSet } from '../../src/nets/parameters';
import type { Formula } from './formula';

/** A tensor summary of the fixtures: `full`, or samples at flat positions. */
export interface Summary {
  shape: number[];
  mean: number;
  std: number;
  l2: number;
  full?: number[];
  idx?: number[];
  values?: number[];
}

/** A gradient entry of the fixtures. */
export interface GradientSummary {
  shape: number[];
  l2: number;
  idx: number[];
  values: number[];
  /** Relative error of the reference's own run in float32, where it tells. */
  f32_rel_l2_err?: number | null;
}

const norm = (values: ArrayLike<number>): number => Math.sqrt(Array.from(values).reduce((s, v) => s + v * v, 0));

interface Difference {
  worst: number;
  at: number;
}

function worstSample(actual: ArrayLike<number>, idx: number[], values: number[], scale: number): Difference {
  let result: Difference = { worst: 0, at: -1 };
  idx.forEach((at, k) => {
    const error = Math.abs(actual[at]! - values[k]!) / Math.max(Math.abs(values[k]!), scale, Number.MIN_VALUE);
    if (!(error <= result.worst)) result = { worst: error, at };
  });
  return result;
}

/** Largest error of the samples, relative to max(|value|, standard deviation), and of the norm. */
export function summaryError(actual: ArrayLike<number>, expected: Summary): number {
  expect(actual.length).toBe(expected.shape.reduce((a, b) => a * b, 1));
  const values = expected.full ?? expected.values!;
  const idx = expected.idx ?? values.map((_, i) => i);
  const samples = worstSample(actual, idx, values, expected.std).worst;
  return Math.max(samples, Math.abs(norm(actual) - expected.l2) / Math.max(expected.l2, Number.MIN_VALUE));
}

/** As {@link summaryError}; the scale of a gradient is its root mean square. */
export function gradientError(actual: ArrayLike<number>, expected: GradientSummary): number {
  const count = expected.shape.reduce((a, b) => a * b, 1);
  expect(actual.length).toBe(count);
  const samples = worstSample(actual, expected.idx, expected.values, expected.l2 / Math.sqrt(count)).worst;
  return Math.max(samples, Math.abs(norm(actual) - expected.l2) / Math.max(expected.l2, Number.MIN_VALUE));
}

/**
 * Euclidean norm of the samples' errors over that of the samples, or over what the gradient's norm lets expect of as many.
 * For gradients of whole networks, where rounding changes signs in leaky ReLUs and so single entries.
 */
export function gradientNormError(actual: ArrayLike<number>, expected: GradientSummary): number {
  const count = expected.shape.reduce((a, b) => a * b, 1);
  expect(actual.length).toBe(count);
  const typical = expected.l2 * Math.sqrt(expected.idx.length / count);
  const error = norm(expected.idx.map((at, i) => actual[at]! - expected.values[i]!));
  const samples = error / Math.max(norm(expected.values), typical, Number.MIN_VALUE);
  return Math.max(samples, Math.abs(norm(actual) - expected.l2) / Math.max(expected.l2, Number.MIN_VALUE));
}

/** Values (N, C, D, H, W) as a channels-last tensor. */
export function channelsLast(values: Float32Array, shape: readonly number[]): tf.Tensor5D {
  return tf.tidy(() =>
    tf.transpose(tf.tensor5d(values, shape as [number, number, number, number, number]), [0, 2, 3, 4, 1]),
  );
}

/** A channels-last tensor's values in (N, C, D, H, W) order. */
export async function channelsFirst(x: tf.Tensor): Promise<Float32Array> {
  const turned = tf.transpose(x, [0, 4, 1, 2, 3]);
  const values = (await turned.data()) as Float32Array;
  turned.dispose();
  return values;
}

/** Fills a network with the fixtures' parameters; `prefix` goes in front of the state-dict key. */
export function loadFormula(parameters: ParameterSet, formula: Formula, prefix = ''): void {
  for (const parameter of parameters.tensors) {
    const values = formula.parameterValue(prefix + parameter.name, parameter.torchShape);
    const shape = parameter.variable.shape;
    tf.tidy(() => parameter.variable.assign(tf.tensor(fromTorchLayout(values, parameter.torchShape), shape)));
  }
}

/** Gradients of `loss` by state-dict name, in torch's order. */
export async function gradientsByName(
  parameters: ParameterSet,
  loss: () => tf.Scalar,
): Promise<{ value: number; grads: Map<string, Float32Array> }> {
  const list = parameters.all;
  const { value, grads } = tf.variableGrads(
    loss,
    list.map((parameter) => parameter.variable),
  );
  const byName = new Map<string, Float32Array>();
  for (const parameter of list) {
    const gradient = grads[parameter.variable.name]!;
    byName.set(parameter.name, toTorchLayout((await gradient.data()) as Float32Array, parameter.torchShape));
    gradient.dispose();
  }
  const number = (await value.data())[0]!;
  value.dispose();
  return { value: number, grads: byName };
}
