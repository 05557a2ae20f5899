/** Learning-rate schedules: pure functions of the number of optimiser steps done so far (0 for the first step). */
export type Schedule = (step: number) => number;

export const constantRate =
  (baseRate: number): Schedule =>
  () =>
    baseRate;

interface WarmupOptions {
  readonly baseRate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/** Linear warm-up from 0, then a share of the base rate by the progress since then, which is 1 at `totalSteps`. */
function warmedUp({ baseRate, warmupSteps, totalSteps }: WarmupOptions, share: (progress: number) => number): Schedule {
  return (step) => {
    if (step < warmupSteps) return (baseRate * step) / Math.max(1, warmupSteps);
    return baseRate * share((step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  };
}

/**
 * Linear warm-up from 0, then half a cosine to 0 at `totalSteps` (VoCo optimizers/lr_scheduler.py, WarmupCosineSchedule).
 * Past the end the cosine goes on, so the rate climbs again.
 */
export const warmupCosine = (options: WarmupOptions): Schedule =>
  warmedUp(options, (progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress))));

/**
 * Linear warm-up from 0, then (1 − progress)^power to 0 at `totalSteps`, and 0 from then on (torch's PolynomialLR; nnU-Net's and
 * nnssl's PolyLRScheduler has power 0.9 and changes the rate by epoch).
 */
export const warmupPoly = ({ power, ...options }: WarmupOptions & { readonly power: number }): Schedule =>
  warmedUp(options, (progress) => Math.max(0, 1 - progress) ** power);

/** Linear rise over `steps` to `peak`, which its last step has (nnU-Net's Lin_incr_LRScheduler). */
export const linearRise =
  (peak: number, steps: number): Schedule =>
  (step) =>
    (peak * (step + 1)) / steps;

/**
 * Linear warm-up from `startRate`, then half a cosine to `endRate` at `totalSteps` (VoCo optimizers/lr_scheduler.py,
 * LinearWarmupCosineAnnealingLR). The base rate is reached at step warmupSteps − 1 and used twice; past the end the rate
 * climbs again with period 2·(totalSteps − warmupSteps).
 */
export function linearWarmupCosineAnnealing(options: {
  baseRate: number;
  warmupSteps: number;
  totalSteps: number;
  startRate?: number;
  endRate?: number;
}): Schedule {
  const { baseRate, warmupSteps, totalSteps, startRate = 0, endRate = 0 } = options;
  return (step) => {
    if (step < warmupSteps) return startRate + (step * (baseRate - startRate)) / Math.max(1, warmupSteps - 1);
    const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return endRate + 0.5 * (baseRate - endRate) * (1 + Math.cos(Math.PI * progress));
  };
}
