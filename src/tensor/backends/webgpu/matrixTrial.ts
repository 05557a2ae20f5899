import { linear } from '../../ops';
import * as tf from '../../tf';
import { wholeNumbers } from '../trial';
import type { GpuBackend } from './device';

const [ROWS, INNER, OUTER] = [70, 40, 36];

/** Σₖ x[m, k] · weight[n, k] in plain JavaScript. */
function product(x: Float32Array, weight: Float32Array): Float32Array {
  return Float32Array.from({ length: ROWS * OUTER }, (_, i) => {
    const [m, n] = [Math.floor(i / OUTER), i % OUTER];
    let sum = 0;
    for (let k = 0; k < INNER; k++) sum += x[m * INNER + k]! * weight[n * INNER + k]!;
    return sum;
  });
}

/** Whether a product on the current backend is exactly right; numbers and sums are whole and small. */
async function multipliesExactly(): Promise<boolean> {
  const [x, weight] = [wholeNumbers(ROWS * INNER, 1), wholeNumbers(OUTER * INNER, 2)];
  const y = tf.tidy(() => linear(tf.tensor2d(x, [ROWS, INNER]), tf.tensor2d(weight, [OUTER, INNER])));
  const found = await y.data();
  y.dispose();
  return product(x, weight).every((value, i) => value === found[i]);
}

/**
 * Tries the matrix instructions of the current WebGPU backend, which are an experiment of Dawn and its drivers; where they
 * fail or are wrong, the backend goes on without them.
 *
 * @returns whether they are used
 */
export async function proveMatrices(): Promise<boolean> {
  const backend = tf.backend() as tf.KernelBackend & GpuBackend;
  if (!backend.arithmetic.matrices) return false;
  const { device } = backend;
  device.pushErrorScope('internal');
  device.pushErrorScope('validation');
  const right = await multipliesExactly().catch(() => false);
  const errors = [await device.popErrorScope(), await device.popErrorScope()];
  const proven = right && errors.every((error) => error === null);
  if (!proven) backend.arithmetic = { ...backend.arithmetic, matrices: undefined };
  return proven;
}
