import { UserError } from '../../errors/userError';
import * as tf from '../tf';
import type { Parameters } from './optimizer';

const STEPS = 'steps';

/**
 * The tensors an optimiser keeps for each parameter, and the number of steps each parameter has had. A parameter gets its
 * tensors at its first step.
 */
export class Slots {
  readonly names: string[];
  private readonly slots: Map<string, tf.Variable>[];
  private readonly counts: number[];
  private stepCounts: tf.Variable | undefined;

  constructor(
    private readonly parameters: Parameters,
    private readonly kinds: readonly string[],
  ) {
    this.names = [...parameters.keys()];
    this.slots = this.names.map(() => new Map());
    this.counts = this.names.map(() => 0);
  }

  parameter(index: number): tf.Variable {
    return this.parameters.get(this.names[index]!)!;
  }

  get(index: number, kind: string): tf.Variable {
    let slot = this.slots[index]!.get(kind);
    if (!slot) {
      slot = tf.tidy(() => tf.variable(tf.zeros(this.parameter(index).shape), false));
      this.slots[index]!.set(kind, slot);
    }
    return slot;
  }

  /** Counts one more step of a parameter; 1 at the first. */
  advance(index: number): number {
    return ++this.counts[index]!;
  }

  /** `<kind>.<parameter>` for each parameter that has had a step, and `steps`, the count of each parameter in order. */
  state(): Map<string, tf.Tensor> {
    const counts = tf.tidy(() => {
      const now = tf.tensor1d(this.counts, 'int32');
      this.stepCounts ??= tf.variable(now, false);
      this.stepCounts.assign(now);
      return this.stepCounts;
    });
    const state = new Map<string, tf.Tensor>([[STEPS, counts]]);
    this.names.forEach((name, i) => this.slots[i]!.forEach((slot, kind) => state.set(`${kind}.${name}`, slot)));
    return state;
  }

  load(state: ReadonlyMap<string, tf.Tensor>): void {
    const counts = state.get(STEPS);
    if (counts?.size !== this.names.length) {
      throw new UserError(
        `optimizer state: it is of ${counts?.size ?? 'no'} parameters, the network has ${this.names.length}`,
      );
    }
    const values = Array.from(counts.dataSync());
    this.names.forEach((name, i) => {
      if (values[i] === 0) return;
      for (const kind of this.kinds) {
        const found = state.get(`${kind}.${name}`);
        if (!found) throw new UserError(`optimizer state: ${kind}.${name} is missing: it is of another optimizer`);
        if (!tf.util.arraysEqual(found.shape, this.parameter(i).shape)) {
          throw new UserError(
            `optimizer state: ${kind}.${name} has shape [${found.shape}], expected [${this.parameter(i).shape}]`,
          );
        }
      }
    });
    this.names.forEach((name, i) => {
      this.counts[i] = values[i]!;
      for (const kind of this.kinds) {
        if (values[i] !== 0) tf.tidy(() => this.get(i, kind).assign(tf.add(state.get(`${kind}.${name}`)!, 0)));
        else this.remove(i, kind);
      }
    });
  }

  private remove(index: number, kind: string): void {
    this.slots[index]!.get(kind)?.dispose();
    this.slots[index]!.delete(kind);
  }

  dispose(): void {
    this.names.forEach((_, i) => this.kinds.forEach((kind) => this.remove(i, kind)));
    this.stepCounts?.dispose();
    this.stepCounts = undefined;
  }
}
