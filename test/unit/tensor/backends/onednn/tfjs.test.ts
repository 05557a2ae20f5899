import { beforeAll, describe, expect, it } from 'vitest';
import * as tf from '../../../../../src/tensor/tf';
import { expectSame, numbers, uniform, useOneDnn } from './support';

beforeAll(() => void useOneDnn());

const SHAPES: number[][] = [[], [1], [7], [3, 5], [2, 1, 3], [2, 3, 4, 5], [1, 3, 2, 5, 7], [40000], [257, 129]];

describe('elementwise', () => {
  const functions: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    abs: tf.abs, neg: tf.neg, square: tf.square, relu: tf.relu, exp: tf.exp, erf: tf.erf, sigmoid: tf.sigmoid,
    tanh: tf.tanh, step: (x) => tf.step(x, 0.5), leakyRelu: (x) => tf.leakyRelu(x, 0.01),
    sqrt: (x) => tf.sqrt(tf.abs(x)), rsqrt: (x) => tf.rsqrt(tf.add(tf.abs(x), 0.1)), log: (x) => tf.log(tf.abs(x)),
    reciprocal: (x) => tf.reciprocal(tf.add(tf.abs(x), 0.1)), log1p: (x) => tf.log1p(tf.abs(x)),
    addN: (x) => tf.addN([x, tf.neg(x), tf.square(x)]), zerosLike: tf.zerosLike, onesLike: tf.onesLike,
  }; // prettier-ignore
  for (const [name, compute] of Object.entries(functions)) {
    it(name, () => {
      for (const shape of SHAPES) expectSame(() => compute(uniform('x', shape, 3)), 2e-6);
    });
  }

  it('keeps NaN, infinities and the ends of exp', () => {
    const ends = [NaN, Infinity, -Infinity, 0, 88.6, 89, -87, -104, 1e30, -1e30];
    for (const f of [tf.exp, tf.erf, tf.sigmoid, tf.tanh, tf.relu, tf.abs]) {
      const values = f(tf.tensor1d(ends)).dataSync();
      void tf.setBackend('cpu');
      const expected = f(tf.tensor1d(ends)).dataSync();
      void tf.setBackend('onednn');
      values.forEach((v, i) => {
        if (Number.isFinite(expected[i]!))
          expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-37 + 3e-7 * Math.abs(expected[i]!));
        else expect(v).toBe(expected[i]);
      });
    }
    for (const f of [tf.maximum, tf.minimum]) {
      expect([
        ...f(tf.tensor1d([NaN, 1, 2]), tf.tensor1d([1, NaN, 3]))
          .dataSync()
          .subarray(0, 2),
      ]).toEqual([NaN, NaN]);
    }
  });

  it('gives the gradient of a division by zero the way cpu does', () => {
    expect([...tf.div(tf.tensor1d([1, -1, 0]), tf.tensor1d([0, 0, 0])).dataSync()]).toEqual([Infinity, -Infinity, NaN]);
  });
});

describe('two tensors', () => {
  const pairs: [number[], number[]][] = [
    [[], []], [[7], []], [[], [7]], [[3, 5], [5]], [[3, 5], [3, 1]], [[3, 1], [1, 5]], [[2, 3, 4], [3, 1]],
    [[2, 3, 4, 5, 6], [2, 1, 1, 1, 6]], [[4, 1, 3, 1, 2], [5, 1, 4, 1]], [[60000], [60000]], [[300, 200], [200]],
    [[300, 200], [300, 1]], [[1, 200], [300, 1]], [[3, 70, 300], [70, 1]],
  ]; // prettier-ignore
  for (const name of ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'squaredDifference'] as const) {
    it(name, () => {
      for (const [a, b] of pairs) expectSame(() => tf[name](uniform('a', a), uniform('b', b)));
    });
  }

  it('leaves other types to cpu', () => {
    expectSame(() => tf.add(tf.tensor1d([1, 2], 'int32'), tf.tensor1d([3, 4], 'int32')));
    expectSame(() => tf.greater(uniform('a', [5]), 0));
    expectSame(() => tf.where(tf.greater(uniform('a', [5]), 0), uniform('a', [5]), uniform('b', [5])));
    expectSame(() => tf.cast(tf.tensor1d([0, 1, 2]), 'bool'));
    expectSame(() => tf.mul(tf.cast(tf.greater(uniform('a', [5]), 0), 'float32'), 2));
    expectSame(() => tf.cast(tf.tensor1d([1.5, -2.5]), 'int32'));
    expectSame(() => tf.cast(tf.tensor1d([1, 0], 'bool'), 'int32'));
  });
});

describe('reductions', () => {
  const cases: [number[], number | number[] | undefined][] = [
    [[7], undefined], [[], undefined], [[3, 5], 0], [[3, 5], 1], [[3, 5], -1], [[2, 3, 4], [0, 2]], [[2, 3, 4], 1],
    [[2, 3, 4, 5, 6], [1, 2, 3]], [[2, 3, 4, 5, 6], [0, 2, 4]], [[2, 1, 4, 1, 6], [1, 3]], [[2, 3, 1, 5], [1, 2, 3]],
    [[50000], undefined], [[3, 17000], 1], [[17000, 3], 0], [[2, 9000, 5], 1], [[70000, 2], 1], [[5, 1], 1],
  ]; // prettier-ignore
  for (const name of ['sum', 'mean', 'max', 'min'] as const) {
    it(name, () => {
      for (const [shape, axis] of cases) {
        for (const keepDims of [false, true]) expectSame(() => tf[name](uniform('x', shape), axis, keepDims), 1e-5);
      }
    });
  }

  it('sums a long tensor as exactly as float64', () => {
    const x = tf.add(uniform('long', [300_000]), 0.5);
    const exact = numbers(x).reduce((a, b) => a + b, 0);
    expect(Math.abs(numbers(tf.sum(x))[0]! / exact - 1)).toBeLessThan(2e-7);
  });

  it('propagates NaN through max and min', () => {
    const x = tf.tensor2d([1, NaN, 3, 4, 5, 6], [2, 3]);
    expect([...tf.max(x, 1).dataSync()]).toEqual([NaN, 6]);
    expect([...tf.min(x, 0).dataSync()]).toEqual([1, NaN, 3]);
  });

  it('the gradient of a mean over any axes', () => {
    for (const axes of [undefined, 1, [0, 2], [-1]]) {
      const gradient = tf.grad((x) => tf.sum(tf.mul(tf.mean(x, axes), 6)))(uniform('x', [2, 3, 4]));
      const count = axes === undefined ? 24 : axes === 1 ? 3 : (axes as number[]).length === 2 ? 8 : 4;
      expect(numbers(gradient)).toEqual(new Array(24).fill(Math.fround(6 / count)));
    }
    expectSame(() => tf.grad((x) => tf.mean(tf.square(tf.mean(x, [1, 2]))))(uniform('x', [2, 3, 4, 5])));
  });

  it('softmax and its logarithm', () => {
    for (const shape of [[5], [3, 7], [2, 3, 343], [100, 65]]) {
      expectSame(() => tf.softmax(uniform('x', shape, 20)), 2e-6);
      expectSame(() => tf.logSoftmax(uniform('x', shape, 20)), 2e-6);
      expectSame(
        () => tf.grad((x) => tf.sum(tf.mul(tf.softmax(x), uniform('w', shape))))(uniform('x', shape, 3)),
        1e-5,
      );
    }
  });
});

describe('layout', () => {
  it('transpose', () => {
    const cases: [number[], number[]][] = [
      [[3, 5], [1, 0]], [[2, 3, 4], [2, 0, 1]], [[2, 3, 4], [0, 2, 1]], [[2, 3, 4, 5], [0, 2, 1, 3]],
      [[2, 3, 4, 5, 6], [0, 4, 1, 2, 3]], [[2, 3, 4, 5, 6], [4, 3, 2, 1, 0]], [[300, 200], [1, 0]],
      [[2, 3, 4, 2, 3, 4, 5], [0, 1, 3, 5, 2, 4, 6]], [[1, 5, 1, 3], [3, 2, 1, 0]], [[7], [0]],
    ]; // prettier-ignore
    for (const [shape, perm] of cases) expectSame(() => tf.transpose(uniform('x', shape), perm), 0);
    expectSame(() => tf.transpose(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32')), 0);
    expectSame(() => tf.transpose(tf.tensor2d([1, 0, 1, 1, 0, 0], [2, 3], 'bool')), 0);
  });

  it('slice and strided slice', () => {
    expectSame(() => tf.slice(uniform('x', [9]), 2, 4), 0);
    expectSame(() => tf.slice(uniform('x', [5, 6, 7]), [1, 2, 3], [2, 3, -1]), 0);
    expectSame(() => tf.slice(uniform('x', [5, 6, 7]), [4], [1]), 0);
    expectSame(() => tf.slice(uniform('x', [5, 6]), [2, 0], [0, 6]), 0);
    expectSame(() => tf.stridedSlice(uniform('x', [5, 6, 7]), [0, 1, 6], [5, 6, 0], [2, 3, -2]), 0);
    const parity = () =>
      tf.stridedSlice(uniform('x', [2, 4, 6, 4, 3]), [0, 0, 1, 0, 0], [2, 4, 6, 4, 3], [1, 2, 2, 2, 1]);
    expectSame(parity, 0);
    expect(() => tf.slice(uniform('x', [4]), 3, 4)).toThrow();
  });

  it('concat, pad, tile, gather, reverse', () => {
    for (const axis of [0, 1, 2, -1]) {
      expectSame(() => tf.concat([uniform('a', [2, 3, 4]), uniform('b', [2, 3, 4])], axis), 0);
    }
    expectSame(() => tf.concat([uniform('a', [2, 0]), uniform('b', [2, 3])], 1), 0);
    expectSame(() => tf.concat([tf.tensor1d([1], 'int32'), tf.tensor1d([2, 3], 'int32')]), 0);
    expectSame(() => tf.pad(uniform('x', [2, 3]), [[1, 2], [0, 3]], 0.5), 0); // prettier-ignore
    expectSame(() => tf.pad(uniform('x', [2, 3]), [[0, 0], [0, 0]]), 0); // prettier-ignore
    expectSame(() => tf.tile(uniform('x', [2, 3]), [3, 2]), 0);
    expectSame(() => tf.tile(uniform('x', [1, 2, 1, 3]), [2, 1, 4, 2]), 0);
    for (const axis of [0, 1, 2]) {
      expectSame(() => tf.gather(uniform('x', [3, 4, 5]), tf.tensor2d([2, 0, 1, 1], [2, 2], 'int32'), axis), 0);
    }
    expect(() => tf.gather(uniform('x', [3]), tf.tensor1d([3], 'int32'))).toThrow(/index/);
    expectSame(() => tf.reverse(uniform('x', [3, 4, 5]), [0, 2]), 0);
    expectSame(() => tf.mirrorPad(uniform('x', [3, 4]), [[1, 1], [2, 2]], 'reflect'), 0); // prettier-ignore
    expectSame(() => tf.unstack(uniform('x', [3, 4]), 1), 0);
    expectSame(() => tf.fill([3, 2], 1.5), 0);
  });
});

describe('products', () => {
  it('of matrices, transposed or not, one or many', () => {
    for (const [m, n, k] of [[1, 1, 1], [3, 5, 7], [64, 48, 130], [1, 300, 20]] as const) {
      for (const [ta, tb] of [[false, false], [false, true], [true, false], [true, true]] as const) {
        for (const batch of [[], [1], [3], [2, 2]]) {
          const a = [...batch, ...(ta ? [k, m] : [m, k])];
          const b = [...batch, ...(tb ? [n, k] : [k, n])];
          expectSame(() => tf.matMul(uniform('a', a), uniform('b', b), ta, tb), 2e-6);
        }
      }
    } // prettier-ignore
    expectSame(() => tf.matMul(uniform('a', [2, 3, 4]), uniform('b', [1, 4, 5])), 2e-6);
    expectSame(() => tf.einsum('bij,bkj->bik', uniform('a', [2, 3, 4]), uniform('b', [2, 5, 4])), 2e-6);
  });

  it('with bias and activation', () => {
    const [a, b, bias] = [() => uniform('a', [4, 6]), () => uniform('b', [6, 5]), () => uniform('c', [5])];
    for (const activation of ['linear', 'relu', 'sigmoid'] as const) {
      const compute = () => tf.fused.matMul({ a: a() as tf.Tensor2D, b: b() as tf.Tensor2D, bias: bias(), activation });
      expectSame(compute, 2e-6);
    }
  });
});

describe('tfjs 3D convolution', () => {
  const conv = (x: number[], f: number[], strides: number | [number, number, number], pad: 'valid' | 'same') => {
    const compute = (a: tf.Tensor, b: tf.Tensor) => tf.conv3d(a as tf.Tensor5D, b as tf.Tensor5D, strides, pad);
    expectSame(() => compute(uniform('x', x), uniform('f', f)), 3e-6);
    const weighted = (a: tf.Tensor, b: tf.Tensor) => {
      const y = compute(a, b);
      return tf.sum(tf.mul(y, uniform('w', y.shape)));
    };
    expectSame(() => tf.grads(weighted)([uniform('x', x), uniform('f', f)]), 3e-6);
  };

  it('and its gradients', () => {
    conv([1, 4, 5, 6, 3], [3, 3, 3, 3, 4], 1, 'same');
    conv([2, 5, 4, 6, 1], [2, 2, 2, 1, 5], 2, 'same');
    conv([2, 5, 7, 6, 2], [3, 1, 2, 2, 3], [1, 2, 3], 'valid');
    conv([1, 3, 3, 3, 16], [1, 1, 1, 16, 8], 1, 'valid');
  });

  it('transposed and dilated', () => {
    const x = () => uniform('x', [1, 3, 2, 4, 5]) as tf.Tensor5D;
    expectSame(
      () => tf.conv3dTranspose(x(), uniform('f', [2, 2, 2, 3, 5]) as tf.Tensor5D, [1, 6, 4, 8, 3], 2, 'same'),
      2e-6,
    );
    expectSame(
      () => tf.conv3d(uniform('x', [1, 7, 7, 7, 2]) as tf.Tensor5D, uniform('f', [3, 3, 3, 2, 2]) as tf.Tensor5D, 1, 'valid', 'NDHWC', 2),
      2e-6,
    ); // prettier-ignore
  });
});
