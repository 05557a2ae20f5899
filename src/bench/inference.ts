import { countParameters, createSegmenter, type NetworkConfig } from '../nets';
import * as tf from '../tensor/tf';
import { finished, openDevice, peakMemory, time, type BenchOptions, type Machine, type Timing } from './measure';
import { divided } from './step';

export interface InferenceBenchOptions extends BenchOptions {
  featureSize: number;
  /** Voxels along each axis of a window. */
  size: number;
  /** Windows at once. */
  batch: number;
  classes: number;
}

export interface InferenceBench extends Machine {
  bench: 'inference';
  featureSize: number;
  size: number;
  batch: number;
  parameters: number;
  secondsPerWindow: Timing;
  peakBytes: number;
}

/** The segmentation network on one window of a sliding-window inference. */
export async function benchInference(options: InferenceBenchOptions): Promise<InferenceBench> {
  const { featureSize, size, batch, classes } = options;
  const machine = await openDevice(options);
  const config: NetworkConfig = { name: 'swin-unetr', featureSize, useV2: true };
  const segmenter = createSegmenter(config, classes, { seed: 0 });
  const x = tf.randomUniform<tf.Rank.R5>([batch, size, size, size, 1], 0, 1, 'float32', 1);
  const timing = await time(options, async () => {
    const logits = tf.tidy(() => segmenter.forward(x));
    await finished(logits);
    logits.dispose();
  });
  x.dispose();
  segmenter.dispose();
  return {
    bench: 'inference',
    ...machine,
    featureSize,
    size,
    batch,
    parameters: countParameters(config, classes),
    secondsPerWindow: divided(timing, batch),
    peakBytes: peakMemory(),
  };
}
