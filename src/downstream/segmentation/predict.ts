import type { FinetuneConfig } from '../../config';
import type { LabelCodes } from '../../data/labelled';
import {
  ArgmaxLabels,
  networkPredictor,
  slidingWindow,
  ThresholdMasks,
  type SlidingWindowOptions,
} from '../../metrics';
import { estimate, type Segmenter } from '../../nets';
import { rowsBetweenLooks } from '../../tasks/memory';
import * as tf from '../../tensor/tf';
import type { Volume } from '../../volume';

export type InferenceOptions = Pick<SlidingWindowOptions, 'onProgress' | 'signal' | 'giveWay'>;

/**
 * Segments a preprocessed volume `[C, X, Y, Z]` by the config's sliding window.
 *
 * @returns label codes `[X, Y, Z]`
 */
export async function predictCodes(
  network: Segmenter,
  volume: Volume<Float32Array>,
  codes: LabelCodes,
  config: Pick<FinetuneConfig, 'crops' | 'inference' | 'network'>,
  options: InferenceOptions = {},
): Promise<Uint8Array> {
  const roi = config.crops.size;
  const { overlap, mode, batch: wanted, flips } = config.inference;
  const { forwardFlops } = estimate(config.network, roi, codes.channels);
  const batch = Math.min(wanted, rowsBetweenLooks(forwardFlops, tf.getBackend()));
  const [channels, x, y, z] = volume.shape;
  const predict = networkPredictor((windows) => network.forward(windows), roi, channels, flips);
  const settings = { roi, overlap, mode, batch, ...options };
  if (codes.overlapping) {
    const masks = new ThresholdMasks([x, y, z], codes.channels);
    await slidingWindow(volume, codes.channels, predict, settings, masks.consume);
    return masks.bits;
  }
  const labels = new ArgmaxLabels([x, y, z], codes.channels);
  await slidingWindow(volume, codes.channels, predict, settings, labels.consume);
  return labels.labels;
}
