import '@tensorflow/tfjs-backend-cpu';
import * as tf from '../../src/tensor/tf';

/** Backends that can run here: block-sized work runs on all of them, whole networks only on those fast enough for it. */
export function usableBackends(work: 'block' | 'network'): string[] {
  return work === 'block' ? ['cpu'] : [];
}

export async function useBackend(name: string): Promise<void> {
  await tf.setBackend(name);
  await tf.ready();
}
