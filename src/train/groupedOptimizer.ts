import type { Gradients } from '../tensor/autodiff';
import type { Optimizer } from '../tensor/optim';
import type * as tf from '../tensor/tf';

export interface OptimizerGroup {
  readonly name: string;
  readonly optimizer: Optimizer;
  /** Number of its parameters, which come one after the other in the gradients. */
  readonly size: number;
  /** Its learning rate as a multiple of the schedule's. */
  readonly rate: number;
}

/** Several groups of parameters, each with a learning rate of its own. Groups beyond the gradients of a step stay as they are. */
export class GroupedOptimizer implements Optimizer {
  constructor(private readonly groups: readonly OptimizerGroup[]) {}

  step(gradients: Gradients, rate: number): void {
    let at = 0;
    for (const group of this.groups) {
      if (at >= gradients.length) return;
      group.optimizer.step(gradients.slice(at, at + group.size), rate * group.rate);
      at += group.size;
    }
  }

  state(): Map<string, tf.Tensor> {
    const all = new Map<string, tf.Tensor>();
    for (const { name, optimizer } of this.groups) {
      for (const [key, tensor] of optimizer.state()) all.set(`${name}/${key}`, tensor);
    }
    return all;
  }

  loadState(state: ReadonlyMap<string, tf.Tensor>): void {
    for (const { name, optimizer } of this.groups) {
      const own = [...state].filter(([key]) => key.startsWith(`${name}/`));
      optimizer.loadState(new Map(own.map(([key, tensor]) => [key.slice(name.length + 1), tensor])));
    }
  }

  dispose(): void {
    for (const { optimizer } of this.groups) optimizer.dispose();
  }
}
