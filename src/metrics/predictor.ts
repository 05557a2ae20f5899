import type { Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import * as tf from '../tensor/tf';
import type { WindowPredictor } from './slidingWindow';

/** What is flipped at test time: every combination of the three axes. */
const FLIPS: readonly (readonly number[])[] = [[], [1], [2], [3], [1, 2], [1, 3], [2, 3], [1, 2, 3]];

/**
 * A network as the predictor of a sliding window.
 *
 * @param forward logits [N, X, Y, Z, classes] of windows [N, X, Y, Z, C]; its other tensors are disposed
 * @param flips average the logits over all eight mirror images of each window (test-time augmentation): eight times the work
 */
export function networkPredictor(
  forward: (windows: tf.Tensor5D) => tf.Tensor5D,
  roi: Vec3,
  inChannels: number,
  flips = false,
): WindowPredictor {
  return async (windows, count) => {
    let total: tf.Tensor5D | undefined;
    const input = tf.tensor5d(windows, [count, ...roi, inChannels]);
    for (const axes of flips ? FLIPS : FLIPS.slice(0, 1)) {
      const before: tf.Tensor5D | undefined = total;
      total = tf.tidy(() => {
        const mirrored = axes.length > 0 ? tf.reverse(input, [...axes]) : input;
        const logits = forward(mirrored);
        const restored = axes.length > 0 ? tf.reverse(logits, [...axes]) : logits;
        return (before ? tf.add(before, restored) : restored) as tf.Tensor5D;
      });
      before?.dispose();
      await breathe();
    }
    const values = (await total!.data()) as Float32Array;
    tf.dispose([input, total!]);
    return flips ? values.map((value) => value / FLIPS.length) : values;
  };
}
