/** What a device shows of itself before it is trusted: a right answer, and how fast it gives one. */
import { valueAndGradients } from '../autodiff';
import { conv3d } from '../ops';
import * as tf from '../tf';

const SIZE = 4;
const CHANNELS = 8;
const TOLERANCE = 1e-3;
/** A measurement is repeated until it has taken this long, so that fast devices are not timed by their start-up. */
const ENOUGH_SECONDS = 0.05;
const MAX_REPEATS = 20;

/** Small whole numbers: every sum of their products is exact in float32. */
export function wholeNumbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7 + seed * 13) % 5) - 2);
}

/** A 1×1×1 convolution and its filter gradient in plain JavaScript, the loss being half the sum of squares. */
function expected(x: Float32Array, filter: Float32Array): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(CHANNELS * CHANNELS);
  let loss = 0;
  for (let voxel = 0; voxel < x.length; voxel += CHANNELS) {
    for (let out = 0; out < CHANNELS; out++) {
      let y = 0;
      for (let i = 0; i < CHANNELS; i++) y += x[voxel + i]! * filter[i * CHANNELS + out]!;
      loss += (y * y) / 2;
      for (let i = 0; i < CHANNELS; i++) gradient[i * CHANNELS + out]! += x[voxel + i]! * y;
    }
  }
  return { loss, gradient };
}

/**
 * Runs a convolution and its gradient on the current device and compares them with plain JavaScript.
 *
 * @returns what is wrong, or undefined when the device computes rightly
 */
export async function selfTest(): Promise<string | undefined> {
  const values = { x: wholeNumbers(SIZE ** 3 * CHANNELS, 1), filter: wholeNumbers(CHANNELS ** 2, 2) };
  const reference = expected(values.x, values.filter);
  const x = tf.tensor(values.x, [1, SIZE, SIZE, SIZE, CHANNELS]) as tf.Tensor5D;
  const filter = tf.tensor(values.filter, [1, 1, 1, CHANNELS, CHANNELS]) as tf.Tensor5D;
  const loss = (): { loss: tf.Tensor } => ({ loss: tf.mul(tf.sum(tf.square(conv3d(x, filter))), 0.5) });
  try {
    const { value, gradients } = valueAndGradients(loss, [filter]);
    const [found] = await value.loss.data();
    const gradient = await gradients[0]!.data();
    tf.dispose([value, gradients[0]!]);
    const scale = Math.max(...reference.gradient.map(Math.abs));
    const error = Math.max(...gradient.map((entry, i) => Math.abs(entry - reference.gradient[i]!))) / scale;
    const wrong = Math.abs(found! - reference.loss) > TOLERANCE * reference.loss || !(error <= TOLERANCE);
    return wrong ? 'it computes a convolution or its gradient wrongly' : undefined;
  } catch (error) {
    return `its self-test failed: ${(error as Error).message}`;
  } finally {
    tf.dispose([x, filter]);
  }
}

/** Floating point operations a second of a 3×3×3 convolution of 24 channels at 16³ on the current device. */
export async function measureSpeed(): Promise<number> {
  const [size, channels] = [16, 24];
  const flops = 2 * 27 * channels * channels * size ** 3;
  const x = tf.ones([1, size, size, size, channels]) as tf.Tensor5D;
  const filter = tf.ones([3, 3, 3, channels, channels]) as tf.Tensor5D;
  const once = async (): Promise<number> => {
    const started = performance.now();
    const y = conv3d(x, filter, { padding: 1 });
    await y.data();
    y.dispose();
    return (performance.now() - started) / 1000;
  };
  const times = [await once()];
  for (let sum = times[0]!; sum < ENOUGH_SECONDS && times.length < MAX_REPEATS; sum += times.at(-1)!) {
    times.push(await once());
  }
  tf.dispose([x, filter]);
  return flops / Math.min(...times);
}
