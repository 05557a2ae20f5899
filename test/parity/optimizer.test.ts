import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, expect, test } from 'vitest';
import { AdamW, emaUpdate } from '../../src/tensor/optim';
import * as tf from '../../src/tensor/tf';
import { fixture, uniform } from '../unit/tensor/support';

interface Run {
  name: string;
  args: { lr: number; amsgrad?: boolean; weight_decay?: number };
  lr_per_step: number[] | null;
  params_after_step: number[][];
}
interface Optimizers {
  p0: number[];
  grads: number[][];
  runs: Run[];
  ema: { teacher_after: number[][] };
}

const { p0, grads, runs, ema } = fixture<Optimizers>('optimizer.json');

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Largest difference, relative where the value is larger than 1e-2. */
const difference = (actual: ArrayLike<number>, expected: number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value) / Math.max(Math.abs(value), 1e-2)));

test.each(runs)('AdamW, $name', ({ args, lr_per_step, params_after_step }) => {
  const parameter = tf.variable(tf.tensor1d(p0));
  const options = { amsgrad: args.amsgrad, weightDecay: args.weight_decay };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const optimizer = new AdamW(new Map([['p', parameter]]), given);
  params_after_step.forEach((expected, step) => {
    const gradient = tf.tensor1d(grads[step]!);
    optimizer.step([gradient], lr_per_step ? lr_per_step[step]! : args.lr);
    expect(difference(parameter.dataSync(), expected)).toBeLessThan(1e-6);
  });
});

test('teacher update', () => {
  const teacher = tf.variable(tf.tensor1d(Float32Array.from(uniform('opt.teacher', 12))));
  const student = tf.variable(tf.tensor1d(p0));
  for (const expected of ema.teacher_after) {
    emaUpdate([teacher], [student], 0.9);
    expect(difference(teacher.dataSync(), expected)).toBeLessThan(1e-6);
  }
});
