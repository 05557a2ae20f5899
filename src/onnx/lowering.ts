import type { KernelName, KernelTypes } from '../tensor/ops/kernels';
import type { Recording, Value } from './recording';

/** A kernel call. */
export interface Call<N extends KernelName> {
  readonly recording: Recording;
  readonly inputs: KernelTypes<Value>[N]['inputs'];
  readonly attrs: KernelTypes<Value>[N]['attrs'];
}
/** Adds a kernel's nodes to the graph and gives its outputs. */
export type Lowering<N extends KernelName> = (call: Call<N>) => KernelTypes<Value>[N]['outputs'];
/** By kernel; one that is missing from `KernelTypes` gets a line there. */
export type LoweringTable = { readonly [N in KernelName]?: Lowering<N> };

/** A lowering of any kernel, with inputs and attributes of unknown types, as tfjs passes them. */
export type AnyLowering = (call: { recording: Recording; inputs: unknown; attrs: unknown }) => Value | Value[];
