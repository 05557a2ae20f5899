import '@tensorflow/tfjs-backend-cpu';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registerOneDnn } from '../../../src/tensor/backends/onednn';
import { UserError } from '../../../src/errors/userError';
import { AdamW, clipGlobalNorm, emaUpdate, Sgd, type Optimizer } from '../../../src/tensor/optim';
import { readScalars } from '../../../src/tensor/read';
import * as tf from '../../../src/tensor/tf';
import { normal, relativeError } from './support';
import { deviceNeed } from '../../support/backends';
import { needs } from '../../support/needs';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const variables = (prefix = 'p') => [
  tf.variable(normal(`${prefix}1`, [3, 4])),
  tf.variable(normal(`${prefix}2`, [5])),
  tf.variable(normal(`${prefix}3`, [2, 2])),
];
const named = (list: tf.Variable[]) => new Map(list.map((variable, i) => [`layer.${i}`, variable]));
const gradientsAt = (step: number, skip = -1) =>
  variables(`g${step}`).map((gradient, i) => (i === skip ? null : (gradient as tf.Tensor)));
const snapshot = (list: tf.Tensor[]) => list.map((tensor) => Array.from(tensor.dataSync()));

const kinds: [string, (list: tf.Variable[]) => Optimizer][] = [
  ['AdamW', (list) => new AdamW(named(list))],
  ['AdamW, AMSGrad', (list) => new AdamW(named(list), { amsgrad: true, weightDecay: 0.1 })],
  ['SGD', (list) => new Sgd(named(list))],
  ['SGD, Nesterov', (list) => new Sgd(named(list), { momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
];

describe.each(kinds)('%s', (_, create) => {
  test('resumes exactly from its state', () => {
    const through = variables();
    const optimizer = create(through);
    const stopped = variables();
    const first = create(stopped);
    // A parameter that misses a step has a count of its own.
    for (let step = 0; step < 3; step++) {
      optimizer.step(gradientsAt(step, step === 1 ? 2 : -1), 0.01);
      first.step(gradientsAt(step, step === 1 ? 2 : -1), 0.01);
    }
    const saved = new Map([...first.state()].map(([name, tensor]) => [name, tensor.clone()]));
    first.dispose();
    const second = create(stopped);
    second.loadState(saved);
    for (let step = 3; step < 6; step++) {
      optimizer.step(gradientsAt(step), 0.02);
      second.step(gradientsAt(step), 0.02);
    }
    expect(snapshot(stopped)).toEqual(snapshot(through));
    expect(snapshot([...second.state().values()])).toEqual(snapshot([...optimizer.state().values()]));
  });

  test('leaves a parameter without a gradient alone', () => {
    const list = variables();
    const before = snapshot(list);
    create(list).step(gradientsAt(0, 1), 0.1);
    const after = snapshot(list);
    expect(after[1]).toEqual(before[1]);
    expect(after[0]).not.toEqual(before[0]);
  });

  test('makes no tensors from the second step on, and disposes its own', () => {
    const list = variables();
    const gradients = gradientsAt(0);
    const before = tf.memory().numTensors;
    const optimizer = create(list);
    optimizer.step(gradients, 0.1);
    const once = tf.memory();
    optimizer.step(gradients, 0.1);
    expect(tf.memory().numTensors).toBe(once.numTensors);
    expect(tf.memory().numBytes).toBe(once.numBytes);
    optimizer.state();
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('a state that does not fit is refused and changes nothing', () => {
  const list = variables();
  const optimizer = new AdamW(named(list));
  optimizer.step(gradientsAt(0), 0.1);
  const kept = () => snapshot([...optimizer.state().values()]);
  const before = kept();
  const wrongShape = new Map(optimizer.state()).set('exp_avg.layer.2', tf.zeros([4]));
  const missing = new Map(optimizer.state());
  missing.delete('exp_avg_sq.layer.1');
  expect(() => optimizer.loadState(wrongShape)).toThrow(UserError);
  expect(() => optimizer.loadState(missing)).toThrow('exp_avg_sq.layer.1 is missing');
  expect(() => optimizer.loadState(new Map())).toThrow('the network has 3');
  expect(kept()).toEqual(before);
});

test('SGD with momentum, by hand', () => {
  const p = tf.variable(tf.scalar(1));
  const optimizer = new Sgd(new Map([['p', p]]), { momentum: 0.5 });
  for (const expected of [1 - 0.1 * 2, 0.8 - 0.1 * 3, 0.5 - 0.1 * 3.5]) {
    optimizer.step([tf.scalar(2)], 0.1);
    expect(p.dataSync()[0]).toBeCloseTo(expected, 6);
  }
});

describe('clipping by the global norm', () => {
  test('scales all gradients together and reports the norm before', () => {
    const gradients = [tf.tensor1d([3, 0]), null, tf.tensor2d([[0, 4]])];
    const norm = clipGlobalNorm(gradients, 1);
    expect(norm.dataSync()[0]).toBeCloseTo(5, 6);
    expect(gradients[0]!.dataSync()[0]).toBeCloseTo(0.6, 5);
    expect(gradients[2]!.dataSync()[1]).toBeCloseTo(0.8, 5);
  });

  test('leaves small gradients as they are', () => {
    const gradients = [tf.tensor1d([3, 4])];
    clipGlobalNorm(gradients, 10);
    expect(Array.from(gradients[0]!.dataSync())).toEqual([3, 4]);
  });
});

test('scalars are read in one go', async () => {
  const values = await readScalars({
    loss: tf.scalar(0.5),
    right: tf.scalar(true, 'bool'),
    count: tf.tensor([[7]], undefined, 'int32'),
  });
  expect(values).toEqual({ loss: 0.5, right: 1, count: 7 });
  expect(await readScalars({})).toEqual({});
});

const onednn = await deviceNeed('onednn');

describe('updates in place', () => {
  needs(onednn).test('equal the composed ones, and touch nothing that shares memory', async () => {
    registerOneDnn(2);
    const run = async (backend: string) => {
      await tf.setBackend(backend);
      const start = variables().map((variable) => variable.clone());
      const list = start.map((tensor) => tf.variable(tensor));
      const teacher = list.map((variable) => tf.variable(variable));
      const optimizer = new AdamW(named(list), { amsgrad: true });
      for (let step = 0; step < 4; step++) {
        const gradients = gradientsAt(step, step === 2 ? 0 : -1);
        clipGlobalNorm(gradients, 2);
        optimizer.step(gradients, 0.05);
        emaUpdate(teacher, list, 0.9);
      }
      const result = [...list, ...teacher, ...start, ...optimizer.state().values()].map((tensor) => tensor.dataSync());
      await tf.setBackend('cpu');
      return result;
    };
    const [expected, actual] = [await run('cpu'), await run('onednn')];
    expect(actual.length).toBe(expected.length);
    actual.forEach((values, i) => expect(relativeError(values, expected[i]!)).toBeLessThan(2e-6));
  });
});
