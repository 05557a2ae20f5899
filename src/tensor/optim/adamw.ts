import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import {
  adamwNumbers,
  ids,
  inPlaceUpdates,
  replace,
  unshare,
  type AdamWOptions,
  type AdamWStep,
  type InPlaceUpdates,
} from './inPlace';
import type { Optimizer, Parameters } from './optimizer';
import { Slots } from './slots';

interface Update {
  parameter: tf.Variable;
  gradient: tf.Tensor;
  m: tf.Variable;
  v: tf.Variable;
  vmax: tf.Variable | undefined;
}

/**
 * torch.optim.AdamW: decoupled weight decay, bias correction, optionally AMSGrad. Defaults are torch's. State: `exp_avg`,
 * `exp_avg_sq` and `max_exp_avg_sq` of each parameter.
 */
export class AdamW implements Optimizer {
  private readonly slots: Slots;
  private readonly options: AdamWOptions;

  constructor(parameters: Parameters, options: Partial<AdamWOptions> = {}) {
    this.options = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, amsgrad: false, ...options };
    const kinds = ['exp_avg', 'exp_avg_sq', ...(this.options.amsgrad ? ['max_exp_avg_sq'] : [])];
    this.slots = new Slots(parameters, kinds);
  }

  step(gradients: Gradients, rate: number): void {
    const byStep = new Map<number, Update[]>();
    gradients.forEach((gradient, i) => {
      if (!gradient) return;
      const update: Update = {
        parameter: this.slots.parameter(i),
        gradient,
        m: this.slots.get(i, 'exp_avg'),
        v: this.slots.get(i, 'exp_avg_sq'),
        vmax: this.options.amsgrad ? this.slots.get(i, 'max_exp_avg_sq') : undefined,
      };
      const step = this.slots.advance(i);
      byStep.set(step, [...(byStep.get(step) ?? []), update]);
    });
    const inPlace = inPlaceUpdates();
    for (const [step, updates] of byStep) {
      const options = { ...this.options, rate, step };
      if (inPlace.adamwStep) updateInPlace(inPlace, updates, options);
      else updates.forEach((update) => tf.tidy(() => updateComposed(update, options)));
    }
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

function updateInPlace(backend: Partial<InPlaceUpdates>, updates: Update[], options: AdamWStep): void {
  const vmax = updates.map((u) => u.vmax).filter((t) => t !== undefined);
  for (const u of updates) for (const tensor of [u.parameter, u.m, u.v]) unshare(tensor);
  vmax.forEach(unshare);
  const tensors = {
    parameters: ids(updates.map((u) => u.parameter)),
    gradients: ids(updates.map((u) => u.gradient)),
    m: ids(updates.map((u) => u.m)),
    v: ids(updates.map((u) => u.v)),
    vmax: options.amsgrad ? ids(vmax) : undefined,
  };
  backend.adamwStep!(tensors, options);
}

function updateComposed({ parameter, gradient, m, v, vmax }: Update, options: AdamWStep): void {
  const { keep, rate, correction, beta1, rest1, beta2, rest2, eps } = adamwNumbers(options);
  replace(m, tf.add(tf.mul(m, beta1), tf.mul(gradient, rest1)));
  replace(v, tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), rest2)));
  if (vmax) replace(vmax, tf.maximum(vmax, v));
  const denominator = tf.add(tf.mul(tf.sqrt(vmax ?? v), correction), eps);
  replace(parameter, tf.sub(tf.mul(parameter, keep), tf.mul(tf.div(m, denominator), rate)));
}
