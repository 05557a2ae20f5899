import '@tensorflow/tfjs-backend-cpu';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { diagnose } from '../../src/config';
import { check } from '../../src/config/diagnose';
import { warmupPoly } from '../../src/tensor/optim';
import * as tf from '../../src/tensor/tf';
import { runLength, scheduleOf } from '../../src/train/length';
import { buildOptimizer } from '../../src/train/optimizer';

/** Numbers of torch.optim.SGD under PolynomialLR (test/support/torch/make_sgd.py), through the keys of a config. */
interface Fixture {
  readonly lr: number;
  readonly power: number;
  readonly steps: number;
  readonly start: number[];
  readonly gradients: number[][];
  readonly runs: {
    readonly options: { momentum: number; nesterov: boolean; weight_decay: number };
    readonly rates: number[];
    readonly values: number[][];
  }[];
}
const file = join(import.meta.dirname, '../support/torch/sgd.json');
const { lr, power, steps, start, gradients, runs } = JSON.parse(readFileSync(file, 'utf8')) as Fixture;

beforeAll(() => tf.setBackend('cpu'));

const written = (optimizer: object, schedule: object, steps = 12) => ({
  kind: 'pretrain',
  data: { train: [{ folder: 'x' }] },
  optimizer,
  schedule,
  train: { steps },
});
const complete = (config: object) => check(config).config!;
const problems = (config: object): string[] =>
  diagnose(JSON.stringify(config), 'f').map(({ path, message }) => `${path}: ${message}`);

test.each(runs)('SGD under a polynomial schedule, $options', ({ options, rates, values }) => {
  const { momentum, nesterov, weight_decay: weightDecay } = options;
  const config = complete(
    written({ name: 'sgd', lr, momentum, nesterov, weightDecay }, { name: 'poly', power, warmupSteps: 0 }, steps),
  );
  const schedule = scheduleOf(config, runLength(config, 1));
  const variable = tf.variable(tf.tensor1d(start));
  const optimizer = buildOptimizer(config.optimizer, [{ name: '', parameters: [{ name: 'p', variable }], rate: 1 }]);
  gradients.forEach((gradient, step) => {
    expect(schedule(step)).toBeCloseTo(rates[step]!, 15);
    optimizer.step([tf.tensor1d(gradient)], schedule(step));
    variable.dataSync().forEach((value, i) => expect(value).toBeCloseTo(values[step]![i]!, 5));
  });
});

describe('the polynomial schedule', () => {
  test('is that of nnU-Net and nnssl at their epochs', () => {
    const schedule = warmupPoly({ baseRate: 1e-2, warmupSteps: 0, totalSteps: 1000 * 250, power: 0.9 });
    for (const epoch of [0, 1, 500, 999])
      expect(schedule(epoch * 250)).toBeCloseTo(1e-2 * (1 - epoch / 1000) ** 0.9, 15);
  });

  test('warms up linearly, falls to minLr, and stays there', () => {
    const config = complete(written({ lr: 0.1 }, { name: 'poly', warmupSteps: 4, minLr: 0.02 }, 10));
    const schedule = scheduleOf(config, runLength(config, 1));
    [0, 2, 4].forEach((step) => expect(schedule(step)).toBeCloseTo(step / 40, 12));
    expect(schedule(7)).toBeCloseTo(0.02 + 0.08 * 0.5 ** 0.9, 12);
    expect(schedule(10)).toBeCloseTo(0.02, 12);
    expect(schedule(99)).toBeCloseTo(0.02, 12);
  });
});

test('what cannot be is told in a line', () => {
  const sgd = { name: 'sgd', lr: 0.1 };
  const poly = { name: 'poly' };
  expect(problems(written({ ...sgd, nesterov: true, momentum: 0 }, poly))).toContain(
    'optimizer.nesterov: needs a momentum above 0',
  );
  expect(problems(written({ nesterov: true }, poly)).join()).toContain(
    'optimizer.nesterov: unused: optimizer.name "adamw" has no such setting, only sgd',
  );
  expect(problems(written({ ...sgd, nesterov: 'yes' }, poly)).join()).toContain('optimizer.nesterov: ');
  expect(problems(written(sgd, { name: 'poly', power: 0 })).join()).toContain('schedule.power: must be');
  expect(problems(written(sgd, { name: 'polynomial' })).join()).toContain('schedule.name: must be');
  expect(problems(written(sgd, { name: 'poly', warmupSteps: 12 })).join()).toContain('the rate never reaches lr');
});
