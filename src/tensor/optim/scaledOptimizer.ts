import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import type { LossScale } from './lossScale';
import type { Optimizer } from './optimizer';

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
