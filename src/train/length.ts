import type { Config, FinetuneConfig } from '../config';
import { phasesOf, type Phase } from '../config/phases';
import { constantRate, linearRise, warmupCosine, warmupPoly, type Schedule } from '../tensor/optim';

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

type Shape = Parameters<typeof warmupCosine>[0];

/** A warm-up and the fall of `schedule.name`, to 0 at the end. */
function falling({ name, power }: Config['schedule'], shape: Shape): Schedule {
  if (name === 'constant') return constantRate(shape.baseRate);
  return name === 'poly' ? warmupPoly({ ...shape, power }) : warmupCosine(shape);
}

/** The same schedule, which ends at `minLr` instead of 0. */
const endingAt =
  (minLr: number, rate: Schedule, lr: number): Schedule =>
  (step) =>
    minLr + rate(step) * (1 - minLr / lr);

/** The rate of the steps of a phase, counted from its first. */
function inPhase({ curve, rate, first, end }: Phase, { schedule, optimizer }: Config): Schedule {
  const [baseRate, totalSteps] = [rate * optimizer.lr, end - first];
  if (curve === 'rise') return linearRise(baseRate, totalSteps);
  if (curve === 'line') return warmupPoly({ baseRate, totalSteps, warmupSteps: 0, power: 1 });
  return falling(schedule, { baseRate, totalSteps, warmupSteps: 0 });
}

/** The rate of phases, one after the other; the fall of the last one ends at `minLr`. */
function throughPhases(phases: readonly Phase[], config: Config): Schedule {
  const { schedule, optimizer } = config;
  const last = phases.at(-1)!;
  const rates = phases.map((phase) => {
    const rate = inPhase(phase, config);
    const ends = phase === last && phase.curve !== 'rise' && schedule.name !== 'constant';
    return ends ? endingAt(schedule.minLr, rate, optimizer.lr) : rate;
  });
  return (step) => {
    const at = phases.findIndex(({ end }) => step < end);
    const index = at < 0 ? phases.length - 1 : at;
    return rates[index]!(step - phases[index]!.first);
  };
}

/** The learning rate by step: after the warm-up the cosine or polynomial ends at `minLr` instead of 0. */
export function scheduleOf(config: Config, { warmupSteps, totalSteps }: RunLength): Schedule {
  const { schedule, optimizer } = config;
  const phases = phasesOf(config, totalSteps);
  if (phases.length > 0) return throughPhases(phases, config);
  const rate = falling(schedule, { baseRate: optimizer.lr, warmupSteps, totalSteps });
  if (schedule.name === 'constant') return rate;
  const ending = endingAt(schedule.minLr, rate, optimizer.lr);
  return (step) => (step < warmupSteps ? rate(step) : ending(step));
}
