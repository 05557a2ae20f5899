import type { Gradients } from '../autodiff';
import * as tf from '../tf';
import { ids, inPlaceUpdates, replace, unshare, type AdamWScalars, type InPlaceUpdates } from './inPlace';
import type { Optimizer, Parameters } from './optimizer';
import { Slots } from './slots';

export interface AdamWOptions {
  betas?: [number, number];
  eps?: number;
  weightDecay?: number;
  amsgrad?: boolean;
}

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
  private readonly options: Required<AdamWOptions>;

  constructor(parameters: Parameters, options: AdamWOptions = {}) {
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
      const scalars = this.scalars(rate, step);
      if (inPlace.adamwStep) updateInPlace(inPlace, updates, scalars);
      else updates.forEach((update) => tf.tidy(() => updateComposed(update, scalars)));
    }
  }

  private scalars(lr: number, step: number): AdamWScalars {
    const { betas, eps, weightDecay } = this.options;
    return { lr, beta1: betas[0], beta2: betas[1], eps, weightDecay, step };
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

function updateInPlace(backend: Partial<InPlaceUpdates>, updates: Update[], scalars: AdamWScalars): void {
  const vmax = updates.map((u) => u.vmax).filter((t) => t !== undefined);
  for (const u of updates) for (const tensor of [u.parameter, u.m, u.v]) unshare(tensor);
  vmax.forEach(unshare);
  backend.adamwStep!(
    ids(updates.map((u) => u.parameter)),
    ids(updates.map((u) => u.gradient)),
    ids(updates.map((u) => u.m)),
    ids(updates.map((u) => u.v)),
    vmax.length > 0 ? ids(vmax) : null,
    scalars,
  );
}

function updateComposed({ parameter, gradient, m, v, vmax }: Update, scalars: AdamWScalars): void {
  const { lr, beta1, beta2, eps, weightDecay, step } = scalars;
  replace(m, tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
  replace(v, tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
  if (vmax) replace(vmax, tf.maximum(vmax, v));
  const denominator = tf.add(tf.mul(tf.sqrt(vmax ?? v), 1 / Math.sqrt(1 - beta2 ** step)), eps);
  const change = tf.mul(tf.div(m, denominator), lr / (1 - beta1 ** step));
  replace(parameter, tf.sub(tf.mul(parameter, 1 - lr * weightDecay), change));
}
