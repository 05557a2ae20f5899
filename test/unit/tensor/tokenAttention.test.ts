import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { vjp } from '../../../src/tensor/autodiff';
import {
  fillRows,
  gatherRows,
  layerNorm,
  linear,
  swigluNormLinear,
  tokenAttention,
  tokenRows,
} from '../../../src/tensor/ops';
import { composedAttention, composedAttentionGradient } from '../../../src/tensor/ops/tokenAttention';
import * as tf from '../../../src/tensor/tf';
import { usableBackends, useBackend } from '../../support/backends';
import { anglesOf, gradientError, normal, relativeError, scoped } from './support';

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** The definition, in double precision: logits from dot products of turned pairs, read as complex numbers. */
function defined(
  values: Float32Array[],
  table: Float32Array,
  [batch, n, channels]: number[],
  heads: number,
): Float64Array {
  const [q, k, v] = values as [Float32Array, Float32Array, Float32Array];
  const depth = channels! / heads;
  const out = new Float64Array(batch! * n! * channels!);
  const dotOf = (b: number, h: number, i: number, j: number): number => {
    let sum = 0;
    for (let p = 0; p < depth / 2; p++) {
      const at = (row: number): number => (b * n! + row) * channels! + h * depth + 2 * p;
      // sin(a − b) and cos(a − b) of the two tokens' angles.
      const [si, ci] = [table[(b * n! + i) * depth + p]!, table[(b * n! + i) * depth + depth / 2 + p]!];
      const [sj, cj] = [table[(b * n! + j) * depth + p]!, table[(b * n! + j) * depth + depth / 2 + p]!];
      const [sine, cosine] = [si * cj - ci * sj, ci * cj + si * sj];
      const [x0, x1, y0, y1] = [q[at(i)]!, q[at(i) + 1]!, k[at(j)]!, k[at(j) + 1]!];
      sum += (x0 * y0 + x1 * y1) * cosine + (x0 * y1 - x1 * y0) * sine;
    }
    return sum;
  };
  for (let b = 0; b < batch!; b++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < n!; i++) {
        const logits = Array.from({ length: n! }, (_, j) => 0.5 * dotOf(b, h, i, j));
        const top = Math.max(...logits);
        const shares = logits.map((logit) => Math.exp(logit - top));
        const total = shares.reduce((sum, share) => sum + share, 0);
        for (let d = 0; d < depth; d++)
          out[(b * n! + i) * channels! + h * depth + d] =
            shares.reduce((sum, share, j) => sum + share * v[(b * n! + j) * channels! + h * depth + d]!, 0) / total;
      }
  return out;
}

const backends = await usableBackends('block');

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('attention is what it is defined as', async () => {
    const shape = [2, 37, 24];
    const inputs = ['q', 'k', 'v'].map((name) => normal<tf.Tensor3D>(name, shape));
    const rotary = anglesOf([2, 37, 12]);
    const y = tokenAttention(inputs[0]!, inputs[1]!, inputs[2]!, rotary, { heads: 2, scale: 0.5 });
    const values = (await Promise.all(inputs.map((x) => x.data()))) as Float32Array[];
    const wanted = defined(values, (await rotary.data()) as Float32Array, shape, 2);
    expect(relativeError(await y.data(), wanted)).toBeLessThan(1e-5);
    tf.dispose([inputs, rotary, y]);
  });

  test('a gated MLP is what its parts give one after the other', async () => {
    const [gate, value] = [normal('gate', [2, 5, 12]), normal('value', [2, 5, 12])];
    const [gamma, beta, bias] = [normal<tf.Tensor1D>('gamma', [12]), normal<tf.Tensor1D>('beta', [12]), normal<tf.Tensor1D>('bias', [4])]; // prettier-ignore
    const weight = normal<tf.Tensor2D>('weight', [4, 12]);
    const parts = tf.tidy(() => {
      const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), value);
      return linear(layerNorm(gated, { gamma, beta }), weight, bias);
    });
    const whole = swigluNormLinear(gate, value, { norm: { gamma, beta }, weight, bias });
    expect(relativeError(await whole.data(), await parts.data())).toBeLessThan(1e-5);
    tf.dispose([gate, value, gamma, beta, bias, weight, parts, whole]);
  });

  test('tokens that are taken come back to their places, and the others get the filler', async () => {
    const rows = tokenRows([1, 0, 0, 1, 0, 1, 1, 0], 2);
    const x = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4, 1]);
    const taken = gatherRows(x, rows);
    expect(Array.from(await taken.data())).toEqual([1, 4, 6, 7]);
    const back = fillRows(taken, tf.tensor1d([-1]), rows);
    expect(Array.from(await back.data())).toEqual([1, -1, -1, 4, -1, 6, 7, -1]);
    expect(() => tokenRows([1, 0, 0, 0, 0, 1, 1, 0], 2)).toThrow('crops with 1, 2 visible tokens');
  });
});

// `webgpu` gives no numbers at once; its gradients are compared with those of `cpu` in conformance.test.ts.
test.each(backends.filter((name) => name !== 'webgpu'))(
  'gradients agree with finite differences on %s',
  async (name) => {
    await useBackend(name);
    const error = scoped(() => {
      const rotary = anglesOf([1, 19, 6]);
      const f = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
        tokenAttention(q as tf.Tensor3D, k as tf.Tensor3D, v as tf.Tensor3D, rotary, { heads: 3, scale: 0.4 });
      const xs = ['q', 'k', 'v'].map((name) => normal(name, [2, 19, 18]));
      const y = f(xs[0]!, xs[1]!, xs[2]!);
      const { gradients } = vjp(() => [f(xs[0]!, xs[1]!, xs[2]!)], [normal('dy', y.shape)], xs);
      return gradientError(f as (...all: tf.Tensor[]) => tf.Tensor, xs, 1e-2, gradients as tf.Tensor[]);
    });
    expect(error).toBeLessThan(5e-3);
  },
);

test('queries in turns give what all of them at once give', async () => {
  await useBackend('cpu');
  const [q, k, v, dy] = ['q', 'k', 'v', 'dy'].map((name) => normal<tf.Tensor3D>(name, [2, 23, 12])) as [
    tf.Tensor3D,
    tf.Tensor3D,
    tf.Tensor3D,
    tf.Tensor3D,
  ];
  const inputs = [q, k, v, anglesOf([1, 23, 6])] as const;
  const attrs = { heads: 2, scale: 0.4 };
  // Five queries at a time, then one, since there must be one; the last turn is shorter.
  const [atOnce, five, one] = [undefined, 2 * 2 * 23 * 5, 1].map((limit) => [
    composedAttention(inputs, attrs, limit),
    ...composedAttentionGradient(inputs, dy, attrs, limit),
  ]) as [tf.Tensor[], tf.Tensor[], tf.Tensor[]];
  for (const [i, whole] of atOnce.entries())
    for (const turns of [five, one])
      expect(relativeError(await turns[i]!.data(), await whole.data())).toBeLessThan(1e-5);
});
