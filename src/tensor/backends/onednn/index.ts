/** The `onednn` backend: tfjs on oneDNN, for processors without a GPU beside them. */
import { availableParallelism } from 'node:os';
import { UserError } from '../../../errors/userError';
import * as tf from '../../tf';
import { loadAddon } from './addon';
import { OneDnnBackend } from './backend';
import { BACKEND, registerKernels } from './kernels/register';

export { OneDnnBackend, type AdamWSettings } from './backend';
export type { PoolStats } from './pool';

export interface OneDnnInfo {
  /** oneDNN's version, e.g. 2.6.3. */
  version: string;
  /** Instruction set of our own kernels: avx512, avx2 or sse2. */
  isa: string;
  threads: number;
}

/** Whether the addon can be used, and if not, what to do. */
export function loadOneDnn(): { ok: true; info: OneDnnInfo } | { ok: false; reason: string } {
  const loaded = loadAddon();
  if (!loaded.ok) return loaded;
  const { version, isa, threads } = loaded.addon.describe();
  return { ok: true, info: { version, isa, threads } };
}

/**
 * Makes the backend `onednn` known to tfjs; `threads` defaults to all processors. Can be called again to change the threads.
 * Throws a UserError where the addon cannot be loaded.
 */
export function registerOneDnn(threads: number = availableParallelism()): OneDnnBackend {
  const loaded = loadAddon();
  if (!loaded.ok) throw new UserError(`onednn: ${loaded.reason}`);
  let backend = tf.findBackend(BACKEND) as OneDnnBackend | null;
  if (!backend) {
    backend = new OneDnnBackend(loaded.addon);
    const made = backend;
    registerKernels(made);
    tf.registerBackend(BACKEND, () => made, 0);
    tf.findBackend(BACKEND);
  }
  backend.setThreads(threads);
  return backend;
}
