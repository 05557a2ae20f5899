import type { Vec3 } from '../../../../../src/geometry';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ops from '../../../../../src/tensor/ops';
import * as tf from '../../../../../src/tensor/tf';
import { expectSame, numbers, uniform, useOneDnn } from './support';

beforeAll(() => void useOneDnn());

type Function = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Value and gradients with respect to every input, against the composition on `cpu`. */
function check(compute: Function, shapes: number[][], tolerance: number): void {
  const inputs = () => shapes.map((shape, i) => uniform(`input${i}`, shape));
  const weighted: Function = (...tensors) => {
    const y = compute(...tensors);
    return tf.sum(tf.mul(y, uniform('weight', y.shape)));
  };
  expectSame(() => compute(...inputs()), tolerance);
  expectSame(() => tf.grads(weighted)(inputs()), 3 * tolerance);
}

describe('convolution', () => {
  const cases: [number[], number[], ops.ConvOptions][] = [
    [[1, 4, 4, 4, 1], [3, 3, 3, 1, 4], { padding: 1 }],
    [[2, 5, 3, 4, 12], [3, 3, 3, 12, 12], { padding: 1 }],
    [[2, 5, 6, 7, 3], [2, 2, 2, 3, 6], { stride: 2 }],
    [[1, 6, 5, 4, 4], [1, 1, 1, 4, 2], {}],
    [[1, 6, 7, 5, 2], [3, 2, 1, 2, 3], { stride: [2, 1, 3], padding: [1, 0, 2] }],
    [[1, 1, 1, 1, 8], [3, 3, 3, 8, 8], { padding: 1 }],
    [[1, 9, 9, 9, 17], [3, 3, 3, 17, 5], { stride: 2, padding: 1 }],
  ];
  it('forward, data and weight gradients, bias', () => {
    for (const [x, filter, options] of cases) {
      const conv = (...[a, f, bias]: tf.Tensor[]) =>
        ops.conv3d(a as tf.Tensor5D, f as tf.Tensor5D, { ...options, bias: bias as tf.Tensor1D | undefined });
      check(conv, [x, filter], 2e-6);
      check(conv, [x, filter, [filter[4]!]], 2e-6);
    }
  });

  it('of 3×3×3 filters by minimal filtering', () => {
    const cases: [number[], number, number | Vec3][] = [
      [[1, 8, 8, 8, 16], 16, 1],
      [[2, 5, 7, 9, 16], 32, 1],
      [[1, 9, 8, 7, 32], 16, 0],
      [[1, 8, 6, 7, 16], 48, [0, 1, 2]],
      [[3, 6, 5, 6, 16], 64, 1],
    ];
    for (const [x, out, padding] of cases) {
      const conv = (...[a, f, bias]: tf.Tensor[]) =>
        ops.conv3d(a as tf.Tensor5D, f as tf.Tensor5D, { padding, bias: bias as tf.Tensor1D | undefined });
      check(conv, [x, [3, 3, 3, x[4]!, out]], 2e-6);
      check(conv, [x, [3, 3, 3, x[4]!, out], [out]], 2e-6);
    }
  });

  it('of few channels, and of filters larger than their volume', () => {
    const cases: [number[], number, ops.ConvOptions][] = [
      [[1, 7, 8, 9, 1], 16, { padding: 1 }],
      [[2, 6, 7, 8, 2], 16, { padding: 1, stride: 2 }],
      [[2, 2, 2, 2, 112], 352, { padding: 1 }],
      [[1, 3, 2, 3, 208], 208, { padding: 1, stride: [1, 1, 2] }],
    ];
    for (const [x, out, options] of cases) {
      const conv = (...[a, f]: tf.Tensor[]) => ops.conv3d(a as tf.Tensor5D, f as tf.Tensor5D, options);
      check(conv, [x, [3, 3, 3, x[4]!, out]], 2e-6);
    }
  });

  it('transposed', () => {
    const up = (...[a, f, bias]: tf.Tensor[]) =>
      ops.convTranspose3d(a as tf.Tensor5D, f as tf.Tensor5D, { stride: 2, bias: bias as tf.Tensor1D });
    check(up, [[2, 3, 2, 4, 6], [2, 2, 2, 3, 6], [3]], 2e-6); // prettier-ignore
  });
});

describe('dense layers and norms', () => {
  it('linear', () => {
    const linear = (...[x, w, b]: tf.Tensor[]) => ops.linear(x!, w as tf.Tensor2D, b as tf.Tensor1D | undefined);
    check(linear, [[5, 7], [3, 7], [3]], 2e-6); // prettier-ignore
    check(
      linear,
      [
        [2, 3, 4, 48],
        [144, 48],
      ],
      2e-6,
    );
    check(linear, [[1, 1], [1, 1], [1]], 2e-6); // prettier-ignore
  });

  it('layer norm', () => {
    const norm = (...[x, gamma, beta]: tf.Tensor[]) =>
      ops.layerNorm(x!, { gamma: gamma as tf.Tensor1D | undefined, beta: beta as tf.Tensor1D | undefined });
    check(norm, [[4, 6], [6], [6]], 4e-6); // prettier-ignore
    check(norm, [[2, 3, 2, 5, 48], [48], [48]], 4e-6); // prettier-ignore
    check(norm, [[3, 50, 17]], 4e-6);
    check((x) => ops.layerNorm(x!, { eps: 0.1 }), [[700, 96]], 4e-6);
  });

  it('instance norm with and without leaky ReLU', () => {
    for (const shape of [[1, 2, 3, 4, 5], [2, 4, 4, 4, 12], [3, 9, 10, 11, 3], [1, 16, 17, 8, 48]]) {
      check((x) => ops.instanceNorm(x as tf.Tensor5D), [shape], 5e-6);
      check((x) => ops.instanceNorm(x as tf.Tensor5D, { slope: 0.01 }), [shape], 5e-6);
    } // prettier-ignore
  });

  it('instance norm of values far from zero', () => {
    expectSame(() => ops.instanceNorm(tf.add(uniform('x', [1, 8, 8, 8, 4]), 1000) as tf.Tensor5D), 2e-3);
    const y = numbers(ops.instanceNorm(tf.add(uniform('x', [1, 8, 8, 8, 1]), 1000) as tf.Tensor5D));
    expect(y.reduce((sum, v) => sum + v * v, 0) / 512).toBeCloseTo(1, 3);
  });

  it('group norm with scale, shift, what is added and visible voxels', () => {
    for (const [shape, groups] of [
      [[1, 2, 3, 4, 5], 5], [[2, 4, 4, 4, 12], 3], [[3, 9, 10, 11, 4], 4], [[2, 16, 17, 8, 48], 8], [[2, 9, 8, 7, 320], 320],
    ] as [number[], number][]) {
      const [n, d, h, w, c] = shape as [number, number, number, number, number];
      const seen = () => tf.tensor5d(Float32Array.from({ length: n * d * h * w }, (_, i) => (i % 3 === 0 ? 0 : 1)), [n, d, h, w, 1]);
      const norm = (slope: number, hidden: boolean) => (...[x, gamma, beta, residual]: tf.Tensor[]) =>
        ops.groupNorm(x as tf.Tensor5D, {
          groups, slope, gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D, residual: residual as tf.Tensor5D,
          ...(hidden && { visible: seen() }),
        });
      for (const slope of [1, 0.01, 0]) {
        check(norm(slope, false), [shape], 5e-6);
        check(norm(slope, false), [shape, [c], [c]], 5e-6);
        check(norm(slope, false), [shape, [c], [c], shape], 5e-6);
        check(norm(slope, true), [shape, [c], [c], shape], 5e-6);
      }
    } // prettier-ignore
  });

  it('group norm of a sample of which nothing is seen', () => {
    const visible = tf.tensor5d(new Float32Array(16).fill(1, 8), [2, 2, 2, 2, 1]);
    const y = numbers(ops.groupNorm(uniform('x', [2, 2, 2, 2, 4]) as tf.Tensor5D, { groups: 2, visible }));
    expect(y.slice(0, 32).every((value) => value === 0)).toBe(true);
    expect(y.every(Number.isFinite)).toBe(true);
  });

  it('group norm of values far from zero', () => {
    const x = () => tf.add(uniform('x', [1, 8, 8, 8, 4]), 1000) as tf.Tensor5D;
    expectSame(() => ops.groupNorm(x(), { groups: 4 }), 2e-3);
    const y = numbers(ops.groupNorm(x(), { groups: 1 }));
    expect(y.reduce((sum, v) => sum + v * v, 0) / 2048).toBeCloseTo(1, 3);
  });

  it('means of blocks', () => {
    for (const window of [[2, 2, 2], [1, 2, 3], [4, 1, 1]] as Vec3[])
      check((x) => ops.averagePool3d(x as tf.Tensor5D, window), [[2, 4, 6, 12, 5]], 2e-6);
    check((x) => ops.averagePool3d(x as tf.Tensor5D, [2, 2, 2]), [[1, 32, 32, 32, 8]], 2e-6);
  }); // prettier-ignore

  it('activations', () => {
    for (const shape of [[3], [2, 3, 5], [50000]]) {
      check((x) => ops.gelu(x!), [shape], 2e-6);
      check((a, b) => ops.addLeakyRelu(a!, b!, 0.01), [shape, shape], 1e-6);
      check((x) => ops.leakyRelu(x!, 0.2), [shape], 1e-6);
    }
  });
});

describe('window attention', () => {
  const attend = (size: Vec3, table: Vec3, shifted: boolean, heads: number, channels: number, batch = 1) => {
    const half = table.map((w) => Math.floor(w / 2)) as unknown as Vec3;
    const { window, shift } = ops.windowSize(size, table, shifted ? half : [0, 0, 0]);
    const attrs = { tableWindow: table, window, shift, heads, scale: (channels / heads) ** -0.5 };
    const rows = table.reduce((n, w) => n * (2 * w - 1), 1);
    const run = (...[qkv, pad, bias]: tf.Tensor[]) =>
      ops.windowAttention(qkv as tf.Tensor5D, pad as tf.Tensor1D, bias as tf.Tensor2D, attrs);
    check(run, [[batch, ...size, 3 * channels], [3 * channels], [rows, heads]], 4e-6);
  };

  it('whole windows, shifted and not', () => {
    attend([4, 4, 4], [2, 2, 2], false, 2, 8);
    attend([4, 4, 4], [2, 2, 2], true, 2, 8);
    attend([6, 4, 8], [3, 2, 4], true, 3, 12, 2);
  });
  it('windows padded beyond the volume', () => {
    attend([5, 3, 4], [2, 2, 2], false, 1, 4);
    attend([5, 7, 3], [3, 3, 2], true, 2, 6, 2);
    attend([8, 2, 8], [7, 7, 7], true, 1, 16);
  });
  it('windows as large as the volume, on some axes or all', () => {
    attend([2, 3, 2], [7, 7, 7], true, 2, 4);
    attend([8, 8, 4], [7, 7, 7], true, 3, 12);
    attend([1, 1, 1], [7, 7, 7], false, 1, 3, 3);
    attend([4, 4, 4], [7, 7, 7], true, 3, 48);
  });
  it('heads of unusual depth', () => {
    for (const depth of [1, 5, 8, 20, 33]) attend([5, 4, 3], [3, 3, 3], true, 2, 2 * depth);
  });
});
