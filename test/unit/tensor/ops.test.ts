import type { Vec3 } from '../../../src/geometry';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  addLeakyRelu,
  averagePool3d,
  channelNorm,
  conv3d,
  convTranspose3d,
  gelu,
  groupNorm,
  instanceNorm,
  layerNorm,
  leakyRelu,
  linear,
  upsample,
} from '../../../src/tensor/ops';
import * as tf from '../../../src/tensor/tf';
import { gradientError, normal, relativeError } from './support';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

type AnyTensors = tf.Tensor[];

/** torch's definition, one output element at a time, in double precision. */
function directConv(
  x: tf.Tensor,
  filter: tf.Tensor,
  stride: Vec3,
  padding: Vec3,
): { shape: number[]; values: number[] } {
  const [n, d, h, w, inner] = x.shape as [number, number, number, number, number];
  const [kd, kh, kw, , outer] = filter.shape as [number, number, number, number, number];
  const [xs, fs] = [x.dataSync(), filter.dataSync()];
  const size = (axis: number) =>
    Math.floor(([d, h, w][axis]! + 2 * padding[axis]! - filter.shape[axis]!) / stride[axis]!) + 1;
  const shape = [n, size(0), size(1), size(2), outer];
  const values: number[] = [];
  const at = (b: number, i: number, j: number, k: number, c: number): number =>
    i < 0 || j < 0 || k < 0 || i >= d || j >= h || k >= w ? 0 : xs[(((b * d + i) * h + j) * w + k) * inner + c]!;
  for (let b = 0; b < n; b++)
    for (let i = 0; i < shape[1]!; i++)
      for (let j = 0; j < shape[2]!; j++)
        for (let k = 0; k < shape[3]!; k++)
          for (let o = 0; o < outer; o++) {
            let sum = 0;
            for (let p = 0; p < kd; p++)
              for (let q = 0; q < kh; q++)
                for (let r = 0; r < kw; r++)
                  for (let c = 0; c < inner; c++)
                    sum +=
                      at(
                        b,
                        i * stride[0] - padding[0] + p,
                        j * stride[1] - padding[1] + q,
                        k * stride[2] - padding[2] + r,
                        c,
                      ) * fs[(((p * kh + q) * kw + r) * inner + c) * outer + o]!;
            values.push(sum);
          }
  return { shape, values };
}

const convCases: [string, number[], number[], Vec3, Vec3][] = [
  ['3×3×3, padding 1', [2, 4, 3, 5, 2], [3, 3, 3, 2, 3], [1, 1, 1], [1, 1, 1]],
  ['1×1×1', [1, 3, 2, 4, 3], [1, 1, 1, 3, 2], [1, 1, 1], [0, 0, 0]],
  ['patch embedding, 2×2×2 stride 2', [2, 4, 6, 2, 1], [2, 2, 2, 1, 4], [2, 2, 2], [0, 0, 0]],
  ['stride that does not cover the input', [1, 6, 5, 7, 2], [3, 2, 3, 2, 2], [2, 2, 3], [1, 0, 1]],
  ['different on each axis', [1, 5, 4, 6, 2], [1, 3, 2, 2, 3], [1, 2, 1], [0, 1, 1]],
];

describe('conv3d', () => {
  test.each(convCases)('%s', (_, xShape, filterShape, stride, padding) => {
    const [x, filter] = [normal<tf.Tensor5D>('x', xShape), normal<tf.Tensor5D>('f', filterShape)];
    const expected = directConv(x, filter, stride, padding);
    const y = conv3d(x, filter, { stride, padding });
    expect(y.shape).toEqual(expected.shape);
    expect(relativeError(y.dataSync(), expected.values)).toBeLessThan(1e-6);
  });

  test.each(convCases)('gradient: %s', (_, xShape, filterShape, stride, padding) => {
    const inputs = [normal('x', xShape), normal('f', filterShape), normal('b', [filterShape[4]!])];
    const f = (...[x, filter, bias]: AnyTensors) =>
      conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, { stride, padding, bias: bias as tf.Tensor1D });
    expect(gradientError(f, inputs)).toBeLessThan(1e-3);
  });
});

describe('convTranspose3d', () => {
  const none: Vec3 = [0, 0, 0];
  const cases: [string, number[], number[], Vec3, Vec3, Vec3][] = [
    ['2×2×2 stride 2', [2, 3, 2, 4, 3], [2, 2, 2, 2, 3], [2, 2, 2], none, none],
    ['overlapping', [1, 2, 3, 2, 2], [3, 2, 3, 1, 2], [1, 2, 2], none, none],
    ['3×3×3 to twice the size', [2, 3, 2, 4, 3], [3, 3, 3, 2, 3], [2, 2, 2], [1, 1, 1], [1, 1, 1]],
    ['padded otherwise on each axis', [1, 2, 3, 2, 2], [3, 2, 3, 1, 2], [3, 2, 1], [1, 0, 1], [2, 1, 0]],
  ];

  test.each(cases)('is the adjoint of conv3d: %s', (_, xShape, filterShape, stride, padding, outputPadding) => {
    const [x, filter] = [normal<tf.Tensor5D>('x', xShape), normal<tf.Tensor5D>('f', filterShape)];
    const y = convTranspose3d(x, filter, { stride, padding, outputPadding });
    const spatial = [0, 1, 2].map(
      (axis) =>
        (xShape[axis + 1]! - 1) * stride[axis]! - 2 * padding[axis]! + filterShape[axis]! + outputPadding[axis]!,
    );
    expect(y.shape).toEqual([xShape[0], ...spatial, filterShape[3]]);
    const z = normal<tf.Tensor5D>('z', y.shape);
    const left = tf.sum(tf.mul(y, z)).dataSync()[0]!;
    const right = tf.sum(tf.mul(x, conv3d(z, filter, { stride, padding }))).dataSync()[0]!;
    expect(Math.abs(left - right)).toBeLessThan(1e-4 * Math.max(1, Math.abs(left)));
  });

  test.each(cases)('gradient: %s', (_, xShape, filterShape, stride, padding, outputPadding) => {
    const inputs = [normal('x', xShape), normal('f', filterShape), normal('b', [filterShape[3]!])];
    const f = (...[x, filter, bias]: AnyTensors) => {
      const options = { stride, padding, outputPadding, bias: bias as tf.Tensor1D };
      return convTranspose3d(x as tf.Tensor5D, filter as tf.Tensor5D, options);
    };
    expect(gradientError(f, inputs)).toBeLessThan(1e-3);
  });
});

/** torch's definition of trilinear interpolation (align_corners=False), in double precision. */
function directUpsample(x: tf.Tensor): number[] {
  const [n, d, h, w, channels] = x.shape as [number, number, number, number, number];
  const xs = x.dataSync();
  const along = (length: number, at: number): [number, number][] => {
    const place = Math.max(0, (at + 0.5) / 2 - 0.5);
    const before = Math.floor(place);
    const share = place - before;
    return [[before, 1 - share], [Math.min(before + 1, length - 1), share]]; // prettier-ignore
  };
  const values: number[] = [];
  for (let b = 0; b < n; b++)
    for (let i = 0; i < 2 * d; i++)
      for (let j = 0; j < 2 * h; j++)
        for (let k = 0; k < 2 * w; k++)
          for (let c = 0; c < channels; c++) {
            let sum = 0;
            for (const [p, first] of along(d, i))
              for (const [q, second] of along(h, j))
                for (const [r, third] of along(w, k))
                  sum += first * second * third * xs[(((b * d + p) * h + q) * w + r) * channels + c]!;
            values.push(sum);
          }
  return values;
}

describe('upsample', () => {
  const shapes = [[2, 3, 4, 2, 3], [1, 1, 2, 5, 1]]; // prettier-ignore

  test.each(shapes)('%i×%i×%i×%i×%i voxels as torch', (...shape) => {
    const x = normal<tf.Tensor5D>('x', shape);
    const y = upsample(x);
    expect(y.shape).toEqual([shape[0], 2 * shape[1]!, 2 * shape[2]!, 2 * shape[3]!, shape[4]]);
    expect(relativeError(y.dataSync(), directUpsample(x))).toBeLessThan(1e-6);
  });

  test.each(shapes)('gradient of %i×%i×%i×%i×%i voxels', (...shape) => {
    expect(gradientError((x) => upsample(x as tf.Tensor5D), [normal('x', shape)])).toBeLessThan(1e-3);
  });
});

describe('channelNorm', () => {
  const shape = [2, 3, 2, 4, 3];
  const mean = (): tf.Tensor1D => tf.tensor1d([3, -2, 0.5]);
  const variance = (): tf.Tensor1D => tf.tensor1d([0.25, 4, 1e-3]);

  test('takes the statistics that are given', () => {
    const x = normal<tf.Tensor5D>('x', shape);
    const [gamma, beta] = [normal<tf.Tensor1D>('g', [3]), normal<tf.Tensor1D>('b', [3])];
    const statistics = { mean: mean(), variance: variance(), gamma, beta };
    const [m, v, g, b] = [mean(), variance(), gamma, beta].map((t) => t.dataSync());
    const expected = Array.from(x.dataSync(), (value, i) => {
      const c = i % 3;
      return ((value - m![c]!) / Math.sqrt(v![c]! + 1e-5)) * g![c]! + b![c]!;
    });
    expect(relativeError(channelNorm(x, statistics).dataSync(), expected)).toBeLessThan(1e-6);
    const positive = expected.map((value) => Math.max(0, value));
    expect(relativeError(channelNorm(x, { ...statistics, slope: 0 }).dataSync(), positive)).toBeLessThan(1e-6);
  });

  test.each([1, 0.2, 0])('gradient with slope %d', (slope) => {
    const f = (...[x, gamma, beta]: AnyTensors) =>
      channelNorm(x as tf.Tensor5D, {
        mean: mean(),
        variance: tf.add(variance(), 1),
        gamma: gamma as tf.Tensor1D,
        beta: beta as tf.Tensor1D,
        slope,
      });
    // Far from the kink.
    expect(gradientError(f, [normal('x', shape, 0.3), tf.fill([3], 0.2), tf.tensor1d([3, -3, 3])])).toBeLessThan(2e-3);
  });
});

describe('normalisation', () => {
  test('layerNorm has mean 0 and variance 1 over the last axis, then scale and shift', () => {
    const x = tf.add(tf.mul(normal('x', [3, 4, 16]), 5), 100);
    const y = layerNorm(x);
    expect(Math.max(...tf.abs(tf.mean(y, -1)).dataSync())).toBeLessThan(1e-5);
    expect(Math.max(...tf.abs(tf.sub(tf.moments(y, -1).variance, 1)).dataSync())).toBeLessThan(1e-4);
    const [gamma, beta] = [normal<tf.Tensor1D>('g', [16]), normal<tf.Tensor1D>('b', [16])];
    const affine = layerNorm(x, { gamma, beta });
    expect(relativeError(affine.dataSync(), tf.add(tf.mul(y, gamma), beta).dataSync())).toBeLessThan(1e-6);
  });

  test('a constant row becomes zero', () => {
    expect(Array.from(layerNorm(tf.fill([2, 8], 3)).dataSync())).toEqual(new Array(16).fill(0));
  });

  test('instanceNorm normalises each channel of each sample', () => {
    const x = tf.add(normal<tf.Tensor5D>('x', [2, 3, 4, 5, 2]), tf.tensor1d([10, -20])) as tf.Tensor5D;
    const { mean, variance } = tf.moments(instanceNorm(x), [1, 2, 3]);
    expect(Math.max(...tf.abs(mean).dataSync())).toBeLessThan(1e-5);
    expect(Math.max(...tf.abs(tf.sub(variance, 1)).dataSync())).toBeLessThan(1e-4);
    const leaky = tf.leakyRelu(instanceNorm(x), 0.1);
    expect(relativeError(instanceNorm(x, { slope: 0.1 }).dataSync(), leaky.dataSync())).toBeLessThan(1e-6);
  });

  test.each([
    ['layerNorm', (x: tf.Tensor) => layerNorm(x), 1],
    ['layerNorm, scale', (x: tf.Tensor, gamma: tf.Tensor) => layerNorm(x, { gamma: gamma as tf.Tensor1D }), 2],
    [
      'layerNorm, scale and shift',
      (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
        layerNorm(x, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }),
      3,
    ],
    ['instanceNorm', (x: tf.Tensor) => instanceNorm(x as tf.Tensor5D), 1],
    ['instanceNorm, eps', (x: tf.Tensor) => instanceNorm(x as tf.Tensor5D, { eps: 0.1 }), 1],
  ] as [string, (...xs: AnyTensors) => tf.Tensor, number][])('gradient: %s', (_, f, count) => {
    const inputs = [normal('x', [2, 3, 2, 4, 6]), normal('g', [6]), normal('b', [6])].slice(0, count);
    expect(gradientError(f, inputs)).toBeLessThan(2e-3);
  });
});

/** torch.nn.GroupNorm's definition, one number at a time, in double precision. */
function directGroupNorm(x: tf.Tensor, groups: number, eps: number, gamma: tf.Tensor, beta: tf.Tensor): number[] {
  const [batch, channels] = [x.shape[0]!, x.shape[4]!];
  const values = x.dataSync();
  const voxels = values.length / batch / channels;
  const [scale, shift] = [gamma.dataSync(), beta.dataSync()];
  const inGroup = channels / groups;
  const y = new Array<number>(values.length);
  for (let n = 0; n < batch; n++)
    for (let g = 0; g < groups; g++) {
      const places: number[] = [];
      for (let v = 0; v < voxels; v++)
        for (let c = g * inGroup; c < (g + 1) * inGroup; c++) places.push((n * voxels + v) * channels + c);
      const mean = places.reduce((sum, at) => sum + values[at]!, 0) / places.length;
      const variance = places.reduce((sum, at) => sum + (values[at]! - mean) ** 2, 0) / places.length;
      for (const at of places) {
        const c = at % channels;
        y[at] = ((values[at]! - mean) / Math.sqrt(variance + eps)) * scale[c]! + shift[c]!;
      }
    }
  return y;
}

describe('groupNorm', () => {
  const inputs = (): [tf.Tensor5D, tf.Tensor1D, tf.Tensor1D, tf.Tensor5D] => [
    tf.add(normal('x', [2, 3, 2, 4, 6]), tf.tensor1d([3, -2, 0, 1, 5, 9])) as tf.Tensor5D,
    normal('g', [6]),
    normal('b', [6]),
    normal('r', [2, 3, 2, 4, 6]),
  ];

  test.each([1, 2, 3, 6])('%i groups, with scale, shift, what is added and leaky ReLU', (groups) => {
    const [x, gamma, beta, residual] = inputs();
    const expected = tf.tensor(directGroupNorm(x, groups, 1e-5, gamma, beta), x.shape);
    expect(relativeError(groupNorm(x, { groups, gamma, beta }).dataSync(), expected.dataSync())).toBeLessThan(1e-6);
    const whole = groupNorm(x, { groups, gamma, beta, residual, slope: 0.01 });
    const leaky = tf.leakyRelu(tf.add(expected, residual), 0.01);
    expect(relativeError(whole.dataSync(), leaky.dataSync())).toBeLessThan(1e-6);
    expect(relativeError(groupNorm(x, { groups, gamma, beta, slope: 0 }).dataSync(), tf.relu(expected).dataSync())).toBeLessThan(1e-6); // prettier-ignore
  });

  test('of as many groups as channels is the instance norm; of samples as voxels, a batch norm', () => {
    const [x] = inputs();
    const own = groupNorm(x, { groups: 6, slope: 0.1 });
    expect(relativeError(own.dataSync(), instanceNorm(x, { slope: 0.1 }).dataSync())).toBeLessThan(1e-6);
    const batch = groupNorm(tf.reshape(x, [1, 6, 2, 4, 6]), { groups: 6 });
    const { mean, variance } = tf.moments(batch, [0, 1, 2, 3]);
    expect(Math.max(...tf.abs(mean).dataSync())).toBeLessThan(1e-5);
    expect(Math.max(...tf.abs(tf.sub(variance, 1)).dataSync())).toBeLessThan(1e-4);
  });

  test('of visible voxels, the others have no part in anything', () => {
    const [x, gamma, beta, residual] = inputs();
    const seen = Float32Array.from({ length: 48 }, (_, i) => (i % 3 === 0 || i > 40 ? 1 : 0));
    const visible = tf.tensor5d(seen, [2, 3, 2, 4, 1]);
    // Another value in each hidden voxel.
    const other = tf.add(x, tf.mul(tf.sub(1, visible), 100)) as tf.Tensor5D;
    const norm = (from: tf.Tensor5D) => groupNorm(from, { groups: 3, gamma, beta, residual, visible, slope: 0.1 });
    expect(tf.max(tf.abs(tf.sub(norm(other), norm(x)))).dataSync()[0]).toBe(0);
    // Alone, the visible voxels of a sample give the same.
    const at = [...seen.keys()].filter((i) => i < 24 && seen[i] === 1);
    const alone = (t: tf.Tensor5D) => tf.reshape(tf.gather(tf.reshape(t, [48, 6]), at), [1, at.length, 1, 1, 6]) as tf.Tensor5D; // prettier-ignore
    const expected = groupNorm(alone(x), { groups: 3, gamma, beta, residual: alone(residual), slope: 0.1 });
    expect(relativeError(alone(norm(x)).dataSync(), expected.dataSync())).toBeLessThan(1e-6);
    const hidden = tf.mul(norm(x), tf.sub(1, visible));
    expect(Math.max(...tf.abs(hidden).dataSync())).toBe(0);
    const f = (...[a, g, b, r]: AnyTensors) => groupNorm(a as tf.Tensor5D, { groups: 3, ...options([g!, b!, r!], 0.2), visible }); // prettier-ignore
    expect(gradientError(f, smooth())).toBeLessThan(2e-3);
  });

  test('groups that do not divide the channels are refused', () => {
    expect(() => groupNorm(inputs()[0], { groups: 4 })).toThrow('4 groups do not divide 6 channels');
  });

  type Options = Omit<Parameters<typeof groupNorm>[1], 'groups'>;
  const options = ([gamma, beta, residual]: AnyTensors, slope: number): Options => ({
    gamma: gamma as tf.Tensor1D | undefined,
    beta: beta as tf.Tensor1D | undefined,
    residual: residual as tf.Tensor5D | undefined,
    slope,
  });
  // Far from the kink, where a difference of two values is no derivative: shifts of ±3 with a scale of 0.2.
  const smooth = (): AnyTensors => {
    const [x, gamma, , residual] = inputs();
    return [x, tf.mul(gamma, 0.2), tf.tensor1d([3, -3, 3, -3, 3, -3]), tf.mul(residual, 0.1)];
  };
  test.each([1, 2, 6])('gradient with %i groups', (groups) => {
    for (const slope of [1, 0.2, 0]) {
      for (const count of slope === 1 ? [1, 2, 3, 4] : [3, 4]) {
        const f = (...[x, ...rest]: AnyTensors) => groupNorm(x as tf.Tensor5D, { groups, ...options(rest, slope) });
        expect(gradientError(f, smooth().slice(0, count)), `slope ${slope}, ${count} inputs`).toBeLessThan(2e-3);
      }
    }
  });

  test('a scale of 0, with which blocks of nnU-Net begin, has a gradient', () => {
    const [x, , beta, residual] = inputs();
    const f = (...[gamma]: AnyTensors) => groupNorm(x, { groups: 6, ...options([gamma!, beta, residual], 1) });
    expect(gradientError(f, [tf.zeros([6])])).toBeLessThan(1e-3);
  });
});

describe('averagePool3d', () => {
  const x = () => normal<tf.Tensor5D>('x', [2, 4, 6, 2, 3]);

  test.each([[[2, 2, 2]], [[1, 3, 2]], [[4, 1, 1]], [[1, 1, 1]]] as [Vec3][])('blocks of %s', (window) => {
    const y = averagePool3d(x(), window);
    const filter = tf.mul(tf.reshape(tf.eye(3), [1, 1, 1, 3, 3]), tf.fill([...window, 1, 1], 1 / (window[0] * window[1] * window[2]))); // prettier-ignore
    const expected = directConv(x(), filter, window, [0, 0, 0]);
    expect(y.shape).toEqual(expected.shape);
    expect(relativeError(y.dataSync(), expected.values)).toBeLessThan(1e-6);
    expect(gradientError((a) => averagePool3d(a as tf.Tensor5D, window), [x()])).toBeLessThan(1e-3);
  });

  test('blocks that do not divide the volume are refused', () => {
    expect(() => averagePool3d(x(), [2, 4, 2])).toThrow('blocks of 2×4×2 do not divide 4×6×2 voxels');
  });
});

describe('activations', () => {
  test('gelu is exact', () => {
    const y = gelu(tf.tensor1d([-3, -1, -0.5, 0, 0.5, 1, 3])).dataSync();
    const expected = [
      -0.00404969409489, -0.158655253931, -0.154268769363, 0, 0.345731230637, 0.841344746069, 2.99595030591,
    ];
    y.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6));
  });

  test('leaky activations and their gradients away from zero', () => {
    const away = (name: string) => tf.add(normal(name, [5, 7]), tf.mul(tf.sign(normal(name, [5, 7])), 0.3));
    const [a, b] = [away('a'), normal('b', [5, 7], 0.05)];
    const sum = tf.add(a, b);
    expect(addLeakyRelu(a, b, 0.2).dataSync()).toEqual(tf.leakyRelu(sum, 0.2).dataSync());
    expect(gradientError((x) => leakyRelu(x!, 0.2), [a], 1e-2)).toBeLessThan(1e-3);
    expect(gradientError((x, y) => addLeakyRelu(x!, y!, 0.2), [a, b], 1e-3)).toBeLessThan(5e-3);
    expect(gradientError((x) => gelu(x!), [b])).toBeLessThan(1e-3);
  });
});

test('linear over the last axis, and its gradient', () => {
  const inputs = [normal('x', [2, 3, 4]), normal('w', [5, 4]), normal('b', [5])];
  const f = (...[x, weight, bias]: AnyTensors) => linear(x!, weight as tf.Tensor2D, bias as tf.Tensor1D);
  const y = f(...inputs);
  const expected = tf.add(tf.matMul(tf.reshape(inputs[0]!, [6, 4]), tf.transpose(inputs[1]!)), inputs[2]!);
  expect(y.shape).toEqual([2, 3, 5]);
  expect(relativeError(y.dataSync(), expected.dataSync())).toBeLessThan(1e-6);
  expect(gradientError(f, inputs)).toBeLessThan(1e-3);
  expect(
    gradientError((...[x, weight]: AnyTensors) => linear(x!, weight as tf.Tensor2D), inputs.slice(0, 2)),
  ).toBeLessThan(1e-3);
});
