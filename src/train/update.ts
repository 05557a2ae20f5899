import type { DeviceInfo, Precision } from '../tensor/backends';
import { disposeGradients, type Gradients } from '../tensor/autodiff';
import {
  clipGlobalNorm,
  globalNorm,
  LossScale,
  ScaledOptimizer,
  scaleGradients,
  type Optimizer,
  type Schedule,
} from '../tensor/optim';
import { readScalars } from '../tensor/read';
import type * as tf from '../tensor/tf';
import type { StartedStep, StepResult, StepScalars } from './types';

export interface UpdateOptions {
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** Rates of groups of parameters by their names in metrics.jsonl, where they are recorded. */
  readonly ratesAt?: ((step: number, rate: number) => StepScalars) | undefined;
  /** Largest norm of all gradients together, or null for no clipping. */
  readonly clipNorm: number | null;
  /** Update before the step's numbers are known, so that the device need not wait for them (see {@link stepsAhead}). */
  readonly readLate?: boolean;
  /** Called when the weights were updated. */
  readonly updated?: () => void;
}

/**
 * Steps that a device may be ahead of the numbers that were read back from it. A loss scale depends on the step before: in
 * float16 there are none.
 */
export const stepsAhead = ({ backend, precision }: Pick<DeviceInfo, 'backend' | 'precision'>): number =>
  backend === 'webgpu' && precision !== 'float16' ? 1 : 0;

/** The optimizer of a run in some precision: float16 needs a loss scale. */
export const optimizerFor = (precision: Precision, optimizer: Optimizer): Optimizer =>
  precision === 'float16' ? new ScaledOptimizer(optimizer, new LossScale()) : optimizer;

/** Scalars of a step as they are recorded; those of an update that was skipped say so. */
function recorded(scalars: StepScalars, rates: StepScalars, optimizer: Optimizer, skipped: boolean): StepScalars {
  const { gradientNorm, ...others } = scalars;
  const { lossScale } = optimizer;
  return {
    ...others,
    ...(skipped ? { updateSkipped: 1 } : { gradientNorm: gradientNorm! }),
    ...rates,
    ...(lossScale && { lossScale: lossScale.value }),
  };
}

/**
 * Ends a step: takes the loss scale out of the gradients, clips them, reads all scalars back in one transfer and updates the
 * weights, unless a number is not finite. With `readLate` it updates first: a caller that learns of such a number must not
 * use the weights again. Where the loss scale may be at fault, the update is skipped and the scale is halved.
 *
 * @param gradients of the loss times the optimizer's loss scale; they are disposed
 * @param described the scalars of the step, `loss` among them; they stay the caller's
 * @param step optimizer steps done before
 */
export async function endStep(
  options: UpdateOptions,
  gradients: Gradients,
  described: Record<string, tf.Tensor>,
  step: number,
): Promise<StartedStep> {
  const { optimizer, schedule, clipNorm, readLate } = options;
  const update = (): void => {
    optimizer.step(gradients, rate);
    options.updated?.();
  };
  const { lossScale } = optimizer;
  const rate = schedule(step);
  const rates = { learningRate: rate, ...options.ratesAt?.(step, rate) };
  if (lossScale) scaleGradients(gradients, 1 / lossScale.value);
  const norm = clipNorm === null ? globalNorm(gradients) : clipGlobalNorm(gradients, clipNorm);
  const reading: Promise<StepScalars> = readScalars({ ...described, gradientNorm: norm });
  // Whoever waits for the step hears of a failure; until then it must not end the process.
  reading.catch(() => undefined);
  const isFinite = (scalars: StepScalars): boolean =>
    Number.isFinite(scalars.loss) && Number.isFinite(scalars.gradientNorm);
  let result: Promise<StepResult>;
  if (readLate && !lossScale) {
    update();
    result = reading.then((scalars) => ({
      scalars: recorded(scalars, rates, optimizer, false),
      finite: isFinite(scalars),
    }));
    result.catch(() => undefined);
  } else {
    const scalars = await reading;
    const finite = isFinite(scalars);
    if (finite) update();
    const skipped = !finite && Number.isFinite(scalars.loss) && (lossScale?.mayBeTooLarge ?? false);
    result = Promise.resolve({ scalars: recorded(scalars, rates, optimizer, skipped), finite: finite || skipped });
    lossScale?.update(finite);
  }
  disposeGradients(gradients);
  norm.dispose();
  return { result };
}
