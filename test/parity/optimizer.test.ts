import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, expect, test } from 'vitest';
import { AdamW, emaUpdate } from '../../src/tensor/optim';
import * as tf from '../../src/tensor/tf';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';

interface Run {
  name: string;
  args: { lr: number };
  /** All settings, also those that the arguments leave out. */
  defaults: { betas: [number, number]; eps: number; weight_decay: number; amsgrad: boolean };
  lr_per_step: number[] | null;
  params_after_step: number[][];
}
interface Optimizers {
  seed: number;
  p0: number[];
  grads: number[][];
  runs: Run[];
  ema: { rule: string; teacher0: string; teacher_after: number[][] };
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Largest difference, relative where the value is larger than 1e-2. */
const difference = (actual: ArrayLike<number>, expected: number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value) / Math.max(Math.abs(value), 1e-2)));

withFixtures<[Optimizers]>('optimizer against PyTorch', ['optimizer.json'], ({ seed, p0, grads, runs, ema }) => {
  test.each(runs)('AdamW, $name', ({ args, defaults, lr_per_step, params_after_step }) => {
    const parameter = tf.variable(tf.tensor1d(p0));
    const { betas, eps, weight_decay: weightDecay, amsgrad } = defaults;
    const optimizer = new AdamW(new Map([['p', parameter]]), { betas, eps, weightDecay, amsgrad });
    params_after_step.forEach((expected, step) => {
      const gradient = tf.tensor1d(grads[step]!);
      optimizer.step([gradient], lr_per_step ? lr_per_step[step]! : args.lr);
      expect(difference(parameter.dataSync(), expected)).toBeLessThan(1e-6);
    });
  });

  test('teacher update', () => {
    const teacher = tf.variable(
      tf.tensor1d(new Formula(seed).uniformArray(nameDrawn('uniform', ema.teacher0), [p0.length])),
    );
    const student = tf.variable(tf.tensor1d(p0));
    const momentum = Number(/([\d.]+) \* teacher/.exec(ema.rule)![1]);
    for (const expected of ema.teacher_after) {
      emaUpdate([teacher], [student], momentum);
      expect(difference(teacher.dataSync(), expected)).toBeLessThan(1e-6);
    }
  });
});
