import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import { replace } from './inPlace';
import type { Optimizer, Parameters } from './optimizer';
import { Slots } from './slots';

export interface SgdOptions {
  momentum?: number;
  nesterov?: boolean;
  /** Added to the gradient (L2), as torch.optim.SGD does. */
  weightDecay?: number;
}

/** torch.optim.SGD with momentum (no dampening). State: `momentum_buffer` of each parameter. */
export class Sgd implements Optimizer {
  private readonly slots: Slots;
  private readonly options: Required<SgdOptions>;

  constructor(parameters: Parameters, options: SgdOptions = {}) {
    this.options = { momentum: 0, nesterov: false, weightDecay: 0, ...options };
    this.slots = new Slots(parameters, this.options.momentum > 0 ? ['momentum_buffer'] : []);
  }

  step(gradients: Gradients, rate: number): void {
    gradients.forEach((gradient, i) => {
      if (gradient) tf.tidy(() => this.update(i, gradient, rate));
    });
  }

  private update(index: number, gradient: tf.Tensor, rate: number): void {
    const { momentum, nesterov, weightDecay } = this.options;
    const parameter = this.slots.parameter(index);
    this.slots.advance(index);
    let direction = weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
    if (momentum > 0) {
      const buffer = this.slots.get(index, 'momentum_buffer');
      replace(buffer, tf.add(tf.mul(buffer, momentum), direction));
      direction = nesterov ? tf.add(direction, tf.mul(buffer, momentum)) : buffer;
    }
    replace(parameter, tf.sub(parameter, tf.mul(direction, rate)));
  }

  state(): Map<string, tf.Tensor> {
    return this.slots.state();
  }

  loadState(state: ReadonlyMap<string, tf.Tensor>): void {
    this.slots.load(state);
  }

  dispose(): void {
    this.slots.dispose();
  }
}
