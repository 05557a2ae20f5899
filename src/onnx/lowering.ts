import type { Recording, Value } from './recording';

/** A kernel call. */
export interface Call {
  readonly recording: Recording;
  readonly inputs: Readonly<Record<string, Value | undefined>>;
  readonly attrs: Readonly<Record<string, unknown>>;
}
/** Adds a kernel's nodes to the graph and gives its outputs. */
export type Lowering = (call: Call) => Value | readonly Value[];
export type LoweringTable = Readonly<Record<string, Lowering>>;

/** An input that the kernel always has. */
export function need({ inputs }: Call, name: string): Value {
  const value = inputs[name];
  if (!value) throw new Error(`a kernel was called without ${name}`);
  return value;
}
