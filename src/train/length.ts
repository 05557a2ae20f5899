import type { FinetuneConfig } from '../config';
import { constantRate, warmupCosine, type Schedule } from '../tensor/optim';

/** A run's length and rhythm in steps, from a config in epochs. */
export interface RunLength {
  readonly totalSteps: number;
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  readonly warmupSteps: number;
}

/** Share of the run that warm-up may take where its length is given in steps. */
const MOST_WARMUP = 0.1;

/** @param cases volumes to train on */
export function runLength({ train, schedule }: FinetuneConfig, cases: number): RunLength {
  const perEpoch = cases / train.batch;
  const steps = (epochs: number): number => Math.max(1, Math.round(epochs * perEpoch));
  const warmup = Math.round(schedule.warmupEpochs * perEpoch);
  if (train.steps === null) {
    return {
      totalSteps: steps(train.epochs),
      validateEvery: steps(train.validateEvery),
      checkpointEvery: steps(train.checkpointEvery),
      warmupSteps: warmup,
    };
  }
  return {
    totalSteps: train.steps,
    validateEvery: train.validateEvery,
    checkpointEvery: train.checkpointEvery,
    warmupSteps: Math.min(warmup, Math.round(MOST_WARMUP * train.steps)),
  };
}

/** The learning rate by step: after the warm-up the cosine ends at `minLr`. */
export function finetuneSchedule({ schedule, optimizer }: FinetuneConfig, length: RunLength): Schedule {
  const { lr } = optimizer;
  const { warmupSteps, totalSteps } = length;
  if (schedule.name === 'constant') return constantRate(lr);
  const cosine = warmupCosine({ baseRate: lr, warmupSteps, totalSteps });
  return (step) => (step < warmupSteps ? cosine(step) : schedule.minLr + cosine(step) * (1 - schedule.minLr / lr));
}
