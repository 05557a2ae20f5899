import { describe, expect, test } from 'vitest';
import {
  constantRate,
  linearWarmupCosineAnnealing,
  warmupCosine,
  type Schedule,
} from '../../src/tensor/optim/schedules';
import { fixture } from '../unit/tensor/support';

interface Rates {
  k?: number[];
  lr: number[];
}
interface Schedules {
  warmup_cosine: {
    base_lr: number;
    small: Rates & { warmup_steps: number; t_total: number };
    pretrain: Rates & { warmup_steps: number; t_total: number };
  };
  linear_warmup_cosine_annealing: Record<'small' | 'small_start_eta' | 'finetune', Annealing> & { base_lr: number };
}
interface Annealing extends Rates {
  warmup_epochs: number;
  max_epochs: number;
  warmup_start_lr?: number;
  eta_min?: number;
}

const { warmup_cosine, linear_warmup_cosine_annealing } = fixture<Schedules>('schedules.json');

function expectRates(schedule: Schedule, { k, lr }: Rates, baseRate: number): void {
  const steps = k ?? lr.map((_, i) => i);
  const worst = Math.max(...steps.map((step, i) => Math.abs(schedule(step) - lr[i]!)));
  expect(worst).toBeLessThan(1e-9 * baseRate);
}

test.each(['small', 'pretrain'] as const)('WarmupCosineSchedule, %s, also past the end', (name) => {
  const { base_lr: baseRate, [name]: expected } = warmup_cosine;
  const options = { baseRate, warmupSteps: expected.warmup_steps, totalSteps: expected.t_total };
  expectRates(warmupCosine(options), expected, baseRate);
});

test.each(['small', 'small_start_eta', 'finetune'] as const)('LinearWarmupCosineAnnealingLR, %s', (name) => {
  const { base_lr: baseRate, [name]: expected } = linear_warmup_cosine_annealing;
  const schedule = linearWarmupCosineAnnealing({
    baseRate,
    warmupSteps: expected.warmup_epochs,
    totalSteps: expected.max_epochs,
    startRate: expected.warmup_start_lr,
    endRate: expected.eta_min,
  });
  expectRates(schedule, expected, baseRate);
});

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
