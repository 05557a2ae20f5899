import type { Config, FinetuneConfig } from '../config';
import { constantRate, warmupCosine, warmupPoly, type Schedule } from '../tensor/optim';

/** A run's length and rhythm in steps. */
export interface RunLength {
  readonly totalSteps: number;
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  readonly warmupSteps: number;
}

/** Share of the run that warm-up may take where its length is given in epochs and the run's in steps. */
const MOST_WARMUP = 0.1;

/** The length of a run in epochs. @param cases volumes to train on */
function lengthInEpochs({ train, schedule }: FinetuneConfig, cases: number): RunLength {
  const perEpoch = cases / train.batch;
  const steps = (epochs: number): number => Math.max(1, Math.round(epochs * perEpoch));
  const warmup = Math.round(schedule.warmupEpochs * perEpoch);
  const { validateEvery, checkpointEvery } = train;
  if (train.steps === null) {
    return {
      totalSteps: steps(train.epochs),
      validateEvery: steps(validateEvery),
      checkpointEvery: steps(checkpointEvery),
      warmupSteps: warmup,
    };
  }
  const warmupSteps = Math.min(warmup, Math.round(MOST_WARMUP * train.steps));
  return { totalSteps: train.steps, validateEvery, checkpointEvery, warmupSteps };
}

/** @param cases volumes to train on */
export function runLength(config: Config, cases: number): RunLength {
  if (config.kind === 'finetune') return lengthInEpochs(config, cases);
  const { steps, validateEvery, checkpointEvery } = config.train;
  return { totalSteps: steps, validateEvery, checkpointEvery, warmupSteps: config.schedule.warmupSteps };
}

/** The learning rate by step: after the warm-up the cosine or polynomial ends at `minLr` instead of 0. */
export function scheduleOf({ schedule, optimizer }: Config, { warmupSteps, totalSteps }: RunLength): Schedule {
  const { lr } = optimizer;
  const { minLr } = schedule;
  if (schedule.name === 'constant') return constantRate(lr);
  const shape = { baseRate: lr, warmupSteps, totalSteps };
  const rate = schedule.name === 'poly' ? warmupPoly({ ...shape, power: schedule.power }) : warmupCosine(shape);
  return (step) => (step < warmupSteps ? rate(step) : minLr + rate(step) * (1 - minLr / lr));
}
