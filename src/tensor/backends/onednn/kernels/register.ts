/** Registers the backend's kernels: those of `cpu` on pooled memory, and ours before them. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '../../../tf';
import type { OneDnnBackend } from '../backend';
import { type Call, type KernelFn, type KernelTable } from './context';
import { convKernels } from './conv';
import { elementwiseKernels } from './elementwise';
import { layoutKernels } from './layout';
import { matmulKernels } from './matmul';
import { networkKernels } from './network';
import { reduceKernels } from './reduce';

export const BACKEND = 'onednn';

/** Ours where it has the case, else `cpu`'s. */
function withFallback(native: KernelFn | undefined, cpu: tf.KernelFunc | undefined): tf.KernelFunc {
  return (args) => {
    const backend = args.backend as OneDnnBackend;
    const result = native?.(args as unknown as Call);
    if (result !== undefined) return result;
    if (!cpu) throw new Error('onednn: a kernel of ours was called with tensors that it does not take');
    return backend.fallback(() => cpu(args));
  };
}

export function registerKernels(backend: OneDnnBackend): void {
  const ours = new Map<string, KernelFn>();
  const tables: KernelTable[] = [
    elementwiseKernels(backend.addon), reduceKernels, layoutKernels, matmulKernels, convKernels, networkKernels,
  ]; // prettier-ignore
  for (const table of tables) for (const [name, kernel] of Object.entries(table)) ours.set(name, kernel);
  for (const config of tf.getKernelsForBackend('cpu')) {
    const kernelFunc = withFallback(ours.get(config.kernelName), config.kernelFunc);
    tf.registerKernel({ ...config, backendName: BACKEND, kernelFunc });
    ours.delete(config.kernelName);
  }
  for (const [kernelName, kernel] of ours) {
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: withFallback(kernel, undefined) });
  }
}
