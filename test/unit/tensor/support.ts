import { expect } from 'vitest';
import * as tf from '../../../src/tensor/tf';
import { RandomStream, streamId } from '../../../src/random/random';

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A tensor summary or a gradient entry of a fixture. */
export interface Samples {
  shape: number[];
  idx?: number[];
  values?: number[];
  full?: number[];
  l2: number;
  std?: number;
}

/** Samples against |yours − value| ≤ tolerance · max(|value|, rms), and the norm relatively. */
export function expectSamples(actual: ArrayLike<number>, expected: Samples, tolerance: number): void {
  expect(actual.length).toBe(size(expected.shape));
  const indices = expected.idx ?? Array.from({ length: actual.length }, (_, i) => i);
  const values = expected.values ?? expected.full!;
  const scale = expected.std ?? expected.l2 / Math.sqrt(actual.length);
  let worst = 0;
  indices.forEach((index, i) => {
    const error = Math.abs(actual[index]! - values[i]!) / Math.max(Math.abs(values[i]!), scale);
    worst = Math.max(worst, Number.isFinite(error) ? error : Infinity);
  });
  expect(worst).toBeLessThanOrEqual(tolerance);
  const l2 = Math.sqrt(Array.from(actual).reduce((sum, x) => sum + x * x, 0));
  expect(Math.abs(l2 - expected.l2)).toBeLessThanOrEqual(tolerance * expected.l2);
}

/** Standard-normal values that depend only on `name`. */
export function normal<T extends tf.Tensor>(name: string, shape: number[], scale = 1): T {
  const stream = new RandomStream(7, streamId(name));
  return tf.tensor(
    Float32Array.from({ length: size(shape) }, () => scale * stream.normal()),
    shape,
  ) as T;
}

/** Sines, then cosines of angles of tokens, `[N, n, depth]`; not computed on the device, whose sines may be coarse. */
export function anglesOf([batch, n, depth]: [number, number, number]): tf.Tensor3D {
  const values = new Float32Array(batch * n * depth);
  for (let row = 0; row < batch * n; row++)
    for (let pair = 0; pair < depth / 2; pair++) {
      const angle = 0.7 * row + 1.3 * pair;
      values[row * depth + pair] = Math.sin(angle);
      values[row * depth + depth / 2 + pair] = Math.cos(angle);
    }
  return tf.tensor3d(values, [batch, n, depth]);
}

/** ‖a − b‖ / ‖b‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, 1e-30));
}

/**
 * The directional derivative of Σ f·dy along a random direction of each input, by central differences, against the
 * gradient. Returns the largest relative difference over the inputs.
 */
export function gradientError(
  f: (...xs: tf.Tensor[]) => tf.Tensor,
  xs: tf.Tensor[],
  step = 1e-2,
  gradients?: tf.Tensor[],
): number {
  const y = f(...xs);
  const dy = normal('dy', y.shape);
  const grads = gradients ?? tf.grads(f)(xs, dy);
  let worst = 0;
  xs.forEach((x, at) => {
    const direction = normal(`direction ${at}`, x.shape);
    const value = (sign: number): number => {
      const moved = xs.map((other, i) => (i === at ? tf.add(x, tf.mul(direction, sign * step)) : other));
      return dot(f(...moved), dy);
    };
    const numeric = (value(1) - value(-1)) / (2 * step);
    const analytic = dot(grads[at]!, direction);
    const scale = norm(grads[at]!) + Math.abs(numeric);
    worst = Math.max(worst, Math.abs(numeric - analytic) / Math.max(scale, 1e-3));
  });
  return worst;
}

/** Σ a·b in double precision. */
export function dot(a: tf.Tensor, b: tf.Tensor): number {
  const [left, right] = [a.dataSync(), b.dataSync()];
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += left[i]! * right[i]!;
  return sum;
}

export const norm = (a: tf.Tensor): number => Math.sqrt(dot(a, a));

/** tf.tidy for functions that return plain values. */
export function scoped<T>(f: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = f();
  });
  return result!;
}
