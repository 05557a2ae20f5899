import type { Gradients } from '../autodiff';
import type { LossScale } from './lossScale';
import * as tf from '../tf';

/** Parameters by name; the order is that of gradients. */
export type Parameters = ReadonlyMap<string, tf.Variable>;

export interface Optimizer {
  /** The loss scale, where gradients are computed in float16. */
  readonly lossScale?: LossScale;
  /**
   * One update in place. A parameter whose gradient is null is left alone: no weight decay, no step counted (torch).
   *
   * @param gradients one for each parameter, in their order; they stay the caller's.
   * @param rate the learning rate of this step.
   */
  step(gradients: Gradients, rate: number): void;
  /** What an exact resume needs, by name. The tensors stay the optimiser's. */
  state(): Map<string, tf.Tensor>;
  /**
   * Takes over a state of {@link state} (values are copied). Nothing is changed when it throws.
   *
   * @throws UserError naming what does not fit these parameters.
   */
  loadState(state: ReadonlyMap<string, tf.Tensor>): void;
  dispose(): void;
}
