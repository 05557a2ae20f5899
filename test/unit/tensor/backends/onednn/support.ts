/** Runs the same computation on tfjs's `cpu` backend, the oracle, and on `onednn`. */
import '@tensorflow/tfjs-backend-cpu';
import { expect } from 'vitest';
import { RandomStream } from '../../../../../src/random/random';
import { type OneDnnBackend, registerOneDnn } from '../../../../../src/tensor/backends/onednn';
import * as tf from '../../../../../src/tensor/tf';

export function useOneDnn(threads = 2): OneDnnBackend {
  const backend = registerOneDnn(threads);
  void tf.setBackend('onednn');
  backend.pool.poison = true;
  return backend;
}

/** Values of a named stream, uniform in [-1, 1). */
export function uniform(name: string, shape: number[], scale = 1): tf.Tensor {
  const random = new RandomStream(7, ...Buffer.from(name));
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.range(-scale, scale));
  return tf.tensor(values, shape);
}

/** A tensor's values. */
export const numbers = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync() as ArrayLike<number>);

type Result = tf.Tensor | tf.Tensor[];
interface Values {
  shape: number[];
  dtype: string;
  values: ArrayLike<number>;
}

function run(backend: string, compute: () => Result): Values[] {
  void tf.setBackend(backend);
  let results: Values[] = [];
  tf.tidy(() => {
    results = [compute()].flat().map((t) => ({ shape: t.shape, dtype: t.dtype, values: numbers(t) }));
  });
  return results;
}

/** Root mean square of the difference over that of the expected values (or 1, where those are smaller than `floor`). */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 1e-6): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  const norm = Math.sqrt(size / Math.max(1, expected.length));
  const error = Math.sqrt(difference / Math.max(1, expected.length));
  return norm > floor ? error / norm : error;
}

/** Expects `compute` to give the same shapes, types and numbers on both backends. */
export function expectSame(compute: () => Result, tolerance = 1e-6): void {
  const expected = run('cpu', compute);
  const actual = run('onednn', compute);
  expect(actual.map((t) => [t.shape, t.dtype])).toEqual(expected.map((t) => [t.shape, t.dtype]));
  expected.forEach((e, i) => {
    const error = distance(actual[i]!.values, e.values);
    expect(error, `output ${i} of shape [${e.shape.join()}]`).toBeLessThanOrEqual(tolerance);
  });
}
