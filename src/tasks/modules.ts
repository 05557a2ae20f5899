import type { ParameterSet } from '../nets';
import type { Parameter } from '../nets/parameters';
import { loadEntries, type LoadOptions, type LoadReport, type StateEntry } from '../nets/state';
import type * as tf from '../tensor/tf';
import type { Weights } from './task';

/** A set of parameters and the prefix of its names in a checkpoint: "student.". */
export interface Module {
  readonly prefix: string;
  readonly set: ParameterSet;
}

/** A parameter under the name that it has in a checkpoint. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: tf.Variable;
}

/** The parameters of a module in their order. */
export function variablesOf({ prefix, set }: Module): NamedVariable[] {
  return set.all.map((parameter: Parameter) => ({ name: prefix + parameter.name, variable: parameter.variable }));
}

/** Several modules as one state dict in torch's shapes, element order and names. */
export class Modules implements Weights {
  constructor(private readonly modules: readonly Module[]) {}

  async stateDict(): Promise<StateEntry[]> {
    const entries: StateEntry[] = [];
    for (const { prefix, set } of this.modules) {
      for (const entry of await set.stateDict()) entries.push({ ...entry, name: prefix + entry.name });
    }
    return entries;
  }

  /** @throws UserError in strict mode when the entries do not fit; nothing is changed then. */
  loadStateDict(entries: Iterable<StateEntry>, options: LoadOptions = {}): LoadReport {
    const targets = this.modules.flatMap(({ prefix, set }) => set.targets(prefix));
    return loadEntries(targets, entries, options);
  }

  dispose(): void {
    for (const { set } of this.modules) set.dispose();
  }
}
