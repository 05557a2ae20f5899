import * as tf from '../tf';
import type { KernelName, KernelTypes } from './kernels';

/** A call as a backend's kernel gets it. */
export interface KernelCall<N extends KernelName, Backend> {
  readonly inputs: KernelTypes<tf.TensorInfo>[N]['inputs'];
  readonly attrs: KernelTypes<tf.TensorInfo>[N]['attrs'];
  readonly backend: Backend;
}

/** A backend's kernel. `Declined` is what it gives for a case that it leaves to another. */
export type KernelFn<N extends KernelName, Backend, Declined = never> = (
  call: KernelCall<N, Backend>,
) => KernelTypes<tf.TensorInfo>[N]['outputs'] | Declined;

/** A backend's kernels by name. */
export type KernelTable<Backend, Declined = never> = { [N in KernelName]?: KernelFn<N, Backend, Declined> };

/**
 * The kernels as tfjs takes them. It tells the compiler nothing of a kernel's inputs and attributes; here, and only here, types
 * end on the way to it and begin on the way from it.
 */
export function untyped<Backend, Declined = never>(table: KernelTable<Backend, Declined>) {
  type Untyped = (call: Parameters<tf.KernelFunc>[0]) => ReturnType<tf.KernelFunc> | Declined;
  return Object.entries(table) as unknown as [kernelName: KernelName, kernel: Untyped][];
}

/** Registers a kernel that goes before the backend's own, which it is given. */
export function replaceKernel<N extends KernelName, Backend>(
  name: N,
  backendName: string,
  replaced: (original: KernelFn<N, Backend>) => KernelFn<N, Backend>,
): void {
  const config = tf.getKernel(name, backendName);
  const kernelFunc = replaced(config.kernelFunc as unknown as KernelFn<N, Backend>) as unknown as tf.KernelFunc;
  tf.unregisterKernel(name, backendName);
  tf.registerKernel({ ...config, kernelFunc });
}
