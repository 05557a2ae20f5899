import { describe, expect, test } from 'vitest';
import {
  constantRate,
  linearWarmupCosineAnnealing,
  warmupCosine,
  type Schedule,
} from '../../src/tensor/optim/schedules';
import { withFixtures } from '../support/fixtures';

interface Rates {
  k?: number[];
  lr: number[];
}
/** Variants by name, beside the rate and the name of the class. */
type Variants<T> = { base_lr: number; class: string } & Record<string, T | number | string>;

function variantsOf<T extends object>(group: Variants<T>): (readonly [string, number, T])[] {
  return Object.entries(group).flatMap(([name, value]) =>
    typeof value === 'object' ? [[name, group.base_lr, value] as const] : [],
  );
}

interface Schedules {
  warmup_cosine: Variants<Rates & { warmup_steps: number; t_total: number }>;
  linear_warmup_cosine_annealing: Variants<Annealing>;
}
interface Annealing extends Rates {
  warmup_epochs: number;
  max_epochs: number;
  warmup_start_lr?: number;
  eta_min?: number;
}

function expectRates(schedule: Schedule, { k, lr }: Rates, baseRate: number): void {
  const steps = k ?? lr.map((_, i) => i);
  const worst = Math.max(...steps.map((step, i) => Math.abs(schedule(step) - lr[i]!)));
  expect(worst).toBeLessThan(1e-9 * baseRate);
}

withFixtures<[Schedules]>(
  'learning rates of the released code',
  ['schedules.json'],
  ({ warmup_cosine, linear_warmup_cosine_annealing }) => {
    test.each(variantsOf(warmup_cosine))('WarmupCosineSchedule, %s, also past the end', (_, baseRate, expected) => {
      const options = { baseRate, warmupSteps: expected.warmup_steps, totalSteps: expected.t_total };
      expectRates(warmupCosine(options), expected, baseRate);
    });

    test.each(variantsOf(linear_warmup_cosine_annealing))(
      'LinearWarmupCosineAnnealingLR, %s',
      (_, baseRate, expected) => {
        const schedule = linearWarmupCosineAnnealing({
          baseRate,
          warmupSteps: expected.warmup_epochs,
          totalSteps: expected.max_epochs,
          startRate: expected.warmup_start_lr,
          endRate: expected.eta_min,
        });
        expectRates(schedule, expected, baseRate);
      },
    );
  },
);

describe('degenerate settings give finite rates', () => {
  test.each([
    ['no warm-up', 0, 10],
    ['warm-up of one step', 1, 10],
    ['warm-up to the end', 10, 10],
  ])('%s', (_, warmupSteps, totalSteps) => {
    const options = { baseRate: 0.1, warmupSteps, totalSteps };
    for (const schedule of [warmupCosine(options), linearWarmupCosineAnnealing(options)]) {
      for (let step = 0; step < 25; step++) {
        expect(schedule(step)).toBeGreaterThanOrEqual(0);
        expect(schedule(step)).toBeLessThanOrEqual(0.1);
      }
    }
  });

  test('constant', () => expect([0, 1, 1e6].map(constantRate(0.3))).toEqual([0.3, 0.3, 0.3]));
});
