import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { accumulate, disposeGradients, valueAndGradients, vjp, type Gradients } from '../../../src/tensor/autodiff';
import { addLeakyRelu, conv3d, gelu, instanceNorm, layerNorm, linear } from '../../../src/tensor/ops';
import { differentiable } from '../../../src/tensor/ops/dispatch';
import * as tf from '../../../src/tensor/tf';
import { normal, relativeError } from './support';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

interface Network {
  variables: tf.Variable[];
  forward(x: tf.Tensor5D): tf.Tensor2D;
}

/** A residual block, pooling and a dense head: shared tensors, broadcasts, reductions and every kind of saved tensor. */
function network(): Network {
  const make = (name: string, shape: number[]) => tf.tidy(() => tf.variable(normal(name, shape, 0.3)));
  const shapes = [[3, 3, 3, 2, 4], [3, 3, 3, 4, 4], [4], [4], [5, 4], [5]]; // prettier-ignore
  const variables = shapes.map((shape, i) => make(`w${i}`, shape));
  const [f1, f2, gamma, beta, weight, bias] = variables as unknown as [
    tf.Tensor5D,
    tf.Tensor5D,
    tf.Tensor1D,
    tf.Tensor1D,
    tf.Tensor2D,
    tf.Tensor1D,
  ];
  const forward = (x: tf.Tensor5D): tf.Tensor2D => {
    const a = instanceNorm(conv3d(x, f1, { padding: 1 }), { slope: 0.01 });
    const b = instanceNorm(conv3d(a, f2, { padding: 1, bias: beta }));
    const pooled = tf.mean(layerNorm(addLeakyRelu(a, b), { gamma, beta }), [1, 2, 3]) as tf.Tensor2D;
    return gelu(linear(tf.add(pooled, tf.mul(pooled, pooled)), weight, bias));
  };
  return { variables, forward };
}

const values = (gradients: Gradients): number[][] => gradients.map((g) => (g ? Array.from(g.dataSync()) : []));

describe('valueAndGradients', () => {
  test('gives the gradients of tf.variableGrads', () => {
    const { variables, forward } = network();
    const x = normal<tf.Tensor5D>('x', [2, 4, 3, 5, 2]);
    const loss = () => tf.mean(tf.square(forward(x))) as tf.Scalar;
    const expected = tf.variableGrads(loss, variables);
    const { value, gradients } = valueAndGradients(() => ({ loss: loss() }), variables);
    expect(value.loss.dataSync()[0]).toBe(expected.value.dataSync()[0]);
    variables.forEach((variable, i) =>
      expect(relativeError(gradients[i]!.dataSync(), expected.grads[variable.name]!.dataSync())).toBeLessThan(1e-6),
    );
  });

  test('null for a variable that the loss does not depend on', () => {
    const [a, b] = [tf.variable(tf.scalar(2)), tf.variable(tf.scalar(3))];
    const { gradients } = valueAndGradients(() => ({ loss: tf.square(a) }), [a, b]);
    expect(gradients[0]!.dataSync()[0]).toBe(4);
    expect(gradients[1]).toBeNull();
  });

  test('a variable used several times, and as both inputs of one operation', () => {
    const a = tf.variable(tf.tensor1d([1, 2, 3]));
    const loss = () => tf.sum(tf.add(addLeakyRelu(a, a), tf.mul(a, tf.mul(a, a))));
    const { gradients } = valueAndGradients(() => ({ loss: loss() }), [a]);
    expect(Array.from(gradients[0]!.dataSync())).toEqual([2 + 3, 2 + 12, 2 + 27]);
  });

  test('hands out other results of the forward pass and leaves nothing else behind', () => {
    const { variables, forward } = network();
    const x = normal<tf.Tensor5D>('x', [1, 3, 3, 3, 2]);
    const step = () => {
      const { value, gradients } = valueAndGradients(() => {
        const features = forward(x);
        return { loss: tf.sum(features), features };
      }, variables);
      expect(value.features.shape).toEqual([1, 5]);
      value.features.dispose();
      value.loss.dispose();
      disposeGradients(gradients);
    };
    step();
    const before = tf.memory();
    step();
    tf.tidy(step);
    const after = tf.memory();
    expect([after.numTensors, after.numBytes, after.numDataBuffers]).toEqual([
      before.numTensors,
      before.numBytes,
      before.numDataBuffers,
    ]);
  });

  test('an error in the forward or the backward pass leaves nothing behind', () => {
    const a = tf.variable(tf.tensor1d([1, 2, 3]));
    const dy = tf.scalar(1);
    const before = tf.memory().numTensors;
    const broken = (x: tf.Tensor) =>
      differentiable(
        { x },
        (save) => {
          save([x]);
          return tf.square(x);
        },
        () => {
          throw new Error('no gradient today');
        },
      );
    const failing = () => {
      tf.square(tf.exp(a));
      throw new Error('stop');
    };
    expect(() => valueAndGradients(failing, [a])).toThrow('stop');
    expect(() => valueAndGradients(() => ({ loss: tf.sum(tf.exp(broken(tf.exp(a)))) }), [a])).toThrow(
      'no gradient today',
    );
    expect(() => valueAndGradients(() => ({ loss: tf.exp(a) }), [a])).toThrow('not a scalar');
    expect(() => vjp(() => [tf.exp(a)], [dy], [a])).toThrow('do not match');
    expect(tf.memory().numTensors).toBe(before);
    const { gradients } = valueAndGradients(() => ({ loss: tf.sum(a) }), [a]);
    expect(Array.from(gradients[0]!.dataSync())).toEqual([1, 1, 1]);
  });

  test('frees activations on the way back', () => {
    const layers = 12;
    const a = tf.variable(tf.ones([1000]));
    const lows: number[] = [];
    const probe = (x: tf.Tensor) =>
      differentiable(
        { x },
        () => tf.mul(x, 1),
        (dy) => ({
          x: () => {
            lows.push(tf.memory().numBytes);
            return tf.mul(dy, 1);
          },
        }),
      );
    const { gradients } = valueAndGradients(() => {
      let y: tf.Tensor = a;
      for (let i = 0; i < layers; i++) y = tf.square(probe(tf.sin(y)));
      return { loss: tf.sum(y) };
    }, [a]);
    expect(lows.length).toBe(layers);
    expect(lows[0]! - lows[layers - 1]!).toBeGreaterThanOrEqual((layers - 1) * 2 * 4000);
    disposeGradients(gradients);
  });
});

describe('exact gradient in micro-batches', () => {
  test('features without a tape, their gradient, then a vjp for each part', () => {
    const { variables, forward } = network();
    const x = normal<tf.Tensor5D>('x', [6, 3, 4, 3, 2]);
    const loss = (features: tf.Tensor) =>
      tf.mean(tf.log(tf.add(tf.square(tf.matMul(features, features, false, true)), 1)));
    const whole = valueAndGradients(() => ({ loss: loss(forward(x)) }), variables).gradients;
    const parts = [0, 2, 4].map((at) => tf.slice(x, [at, 0, 0, 0, 0], [2, -1, -1, -1, -1]) as tf.Tensor5D);
    const before = tf.memory().numTensors;
    const total = tf.tidy(() => {
      const features = tf.concat(parts.map((part) => tf.tidy(() => forward(part))));
      const { gradients } = valueAndGradients(() => ({ loss: loss(features) }), [features]);
      let sum: Gradients | undefined;
      parts.forEach((part, i) => {
        const dy = tf.slice(gradients[0]!, [2 * i, 0], [2, -1]);
        const pass = vjp(() => [forward(part)], [dy], variables);
        sum = accumulate(sum, pass.gradients);
      });
      return sum as tf.Tensor[];
    });
    expect(tf.memory().numTensors).toBe(before + variables.length);
    const expected = values(whole);
    values(total).forEach((gradient, i) => expect(relativeError(gradient, expected[i]!)).toBeLessThan(1e-5));
  });

  test('several outputs, and gradients of inputs', () => {
    const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
    const dys = [tf.tensor1d([1, 10]), tf.scalar(100)];
    const { outputs, gradients } = vjp(() => [tf.mul(a, b), tf.sum(tf.square(b))], dys, [a, b]);
    expect(outputs.map((y) => Array.from(y.dataSync()))).toEqual([[3, 8], [25]]);
    expect(values(gradients)).toEqual([[3, 40], [1 + 600, 20 + 800]]); // prettier-ignore
    expect(dys[0]!.isDisposed).toBe(false);
  });

  test('accumulate takes null for zero', () => {
    const [one, two] = [tf.scalar(1), tf.scalar(2)];
    expect(accumulate([null, one, null], [two, null, null])).toEqual([two, one, null]);
  });
});
