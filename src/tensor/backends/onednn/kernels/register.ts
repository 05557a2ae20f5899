/** Registers the backend's kernels: those of `cpu` on pooled memory, and ours before them. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '../../../tf';
import { untyped } from '../../../ops/kernelTable';
import type { OneDnnBackend } from '../backend';
import { convKernels } from './conv';
import { elementwiseKernels } from './elementwise';
import { layoutKernels } from './layout';
import { matmulKernels } from './matmul';
import { networkKernels } from './network';
import { reduceKernels } from './reduce';

export const BACKEND = 'onednn';

type Own = ReturnType<typeof untyped<OneDnnBackend, undefined>>[number][1];

/** Ours where it has the case, else `cpu`'s. */
function withFallback(own: Own | undefined, cpu: tf.KernelFunc | undefined): tf.KernelFunc {
  return (args) => {
    const backend = args.backend as OneDnnBackend;
    const result = own?.(args);
    if (result !== undefined) return result;
    if (!cpu) throw new Error('onednn: a kernel of ours was called with tensors that it does not take');
    return backend.fallback(() => cpu(args));
  };
}

export function registerKernels(backend: OneDnnBackend): void {
  const tables = [
    elementwiseKernels(backend.addon), reduceKernels, layoutKernels, matmulKernels, convKernels, networkKernels,
  ]; // prettier-ignore
  const ours = new Map<string, Own>(tables.flatMap(untyped));
  for (const config of tf.getKernelsForBackend('cpu')) {
    const kernelFunc = withFallback(ours.get(config.kernelName), config.kernelFunc);
    tf.registerKernel({ ...config, backendName: BACKEND, kernelFunc });
    ours.delete(config.kernelName);
  }
  for (const [kernelName, kernel] of ours) {
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: withFallback(kernel, undefined) });
  }
}
