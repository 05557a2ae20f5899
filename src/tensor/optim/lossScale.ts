import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import type { Optimizer } from './optimizer';

/** As torch.cuda.amp.GradScaler. */
const INITIAL = 2 ** 16;
const GROWTH_INTERVAL = 2000;
const LARGEST = 2 ** 24;

/**
 * The factor by which the gradient of the loss is enlarged, so that small gradients do not vanish in float16. It is a power
 * of two: undoing it changes no gradient that was neither too small nor too large.
 */
export class LossScale {
  private finiteSteps = 0;

  constructor(private factor = INITIAL) {}

  get value(): number {
    return this.factor;
  }

  /** Whether a gradient that is not finite may be the scale's doing. */
  get mayBeTooLarge(): boolean {
    return this.factor > 1;
  }

  /** Halves the scale after gradients that were not finite, doubles it after many steps that were. */
  update(finite: boolean): void {
    this.finiteSteps = finite ? this.finiteSteps + 1 : 0;
    if (!finite) this.factor = Math.max(1, this.factor / 2);
    if (this.finiteSteps < GROWTH_INTERVAL) return;
    this.factor = Math.min(LARGEST, this.factor * 2);
    this.finiteSteps = 0;
  }

  /** What {@link restore} takes. */
  state(): [number, number] {
    return [this.factor, this.finiteSteps];
  }

  restore([factor, finiteSteps]: [number, number]): void {
    this.factor = factor;
    this.finiteSteps = finiteSteps;
  }
}

const KEY = 'lossScale';

/** An optimizer whose state holds the loss scale of its run. Gradients given to {@link step} are of the unscaled loss. */
export class ScaledOptimizer implements Optimizer {
  private stored: tf.Variable | undefined;

  constructor(
    private readonly optimizer: Optimizer,
    readonly lossScale: LossScale,
  ) {}

  step(gradients: Gradients, rate: number): void {
    this.optimizer.step(gradients, rate);
  }

  state(): Map<string, tf.Tensor> {
    const stored = tf.tidy(() => {
      const now = tf.tensor1d(this.lossScale.state());
      this.stored ??= tf.variable(now, false);
      this.stored.assign(now);
      return this.stored;
    });
    return new Map([...this.optimizer.state(), [KEY, stored]]);
  }

  /** A state without a scale, of a run in float32, leaves the scale as it is. */
  loadState(state: ReadonlyMap<string, tf.Tensor>): void {
    this.optimizer.loadState(state);
    const stored = state.get(KEY);
    if (stored) this.lossScale.restore(Array.from(stored.dataSync()) as [number, number]);
  }

  dispose(): void {
    this.optimizer.dispose();
    this.stored?.dispose();
    this.stored = undefined;
  }
}
