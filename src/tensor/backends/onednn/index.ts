/** The `onednn` backend: tfjs on oneDNN, for processors without a GPU beside them. */
import { availableParallelism } from 'node:os';
import { UserError } from '../../../errors/userError';
import * as tf from '../../tf';
import type { Precision } from '../types';
import { loadAddon } from './addon';
import { OneDnnBackend } from './backend';
import { bf16Support, Multiply, type Bf16Support } from './bf16';
import { BACKEND, registerKernels } from './kernels/register';

export { OneDnnBackend } from './backend';
export type { PoolStats } from './pool';

export interface OneDnnInfo {
  /** oneDNN's version, e.g. 2.6.3. */
  version: string;
  /** Instruction set of our own kernels: avx512, avx2 or sse2; neon on ARM. */
  isa: string;
  threads: number;
  bf16: Bf16Support;
}

/** Whether the addon can be used, and if not, what to do. */
export function loadOneDnn(): { ok: true; info: OneDnnInfo } | { ok: false; reason: string } {
  const loaded = loadAddon();
  if (!loaded.ok) return loaded;
  const { version, isa, threads } = loaded.addon.describe();
  return { ok: true, info: { version, isa, threads, bf16: bf16Support(loaded.addon) } };
}

/**
 * Makes the backend `onednn` known to tfjs; `threads` defaults to all processors. Can be called again to change the settings.
 *
 * @param precision of the layers' products; weights and everything else are float32 in any case.
 * @throws UserError where the addon cannot be loaded or the processor lacks the precision.
 */
export function registerOneDnn(
  threads: number = availableParallelism(),
  precision: Precision = 'float32',
): OneDnnBackend {
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
  const bf16 = bf16Support(loaded.addon);
  if (precision === 'bf16' && !bf16.ok) throw new UserError(`onednn: ${bf16.reason}`);
  backend.multiply = precision === 'bf16' && bf16.ok ? bf16.multiply : Multiply.float32;
  return backend;
}
