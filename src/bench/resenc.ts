import { createSegmenter, estimate, type NetworkConfig } from '../nets';
import { disposeGradients, vjp } from '../tensor/autodiff';
import { Sgd } from '../tensor/optim';
import * as tf from '../tensor/tf';
import { finished, openDevice, peakMemory, time, type BenchOptions, type Machine, type Timing } from './measure';
import { divided } from './step';

export interface ResEncBenchOptions extends BenchOptions {
  /** Channels of the first stage: 32 for ResEnc-M, -L and -XL, which are at most ten times that wide. */
  featureSize: number;
  /** Voxels along each axis of a crop. */
  size: number;
  /** Crops in a step, all recorded at once. */
  batch: number;
}

export interface ResEncBench extends Machine {
  bench: 'resenc';
  featureSize: number;
  size: number;
  batch: number;
  parameters: number;
  /** Seconds of a step for each of its crops. */
  secondsPerCrop: Timing;
  /** Multiplications and additions, forward and backward, a second. */
  gigaflops: number;
  peakBytes: number;
}

/**
 * One training step of nnU-Net's residual encoder U-Net as nnssl trains it: one channel in and out, no deep supervision, forward,
 * backward and SGD with Nesterov's momentum. bench/peers/peer.py does the same in PyTorch.
 */
export async function benchResEnc(options: ResEncBenchOptions): Promise<ResEncBench> {
  const { featureSize, size, batch } = options;
  const machine = await openDevice(options);
  const features = [1, 2, 4, 8, 10].map((multiple) => multiple * featureSize);
  const config: NetworkConfig = { name: 'resenc-unet', features };
  const network = createSegmenter(config, 1, { seed: 0 });
  network.checkSize([size, size, size]);
  const parameters = new Map(network.parameters.all.map(({ name, variable }) => [name, variable] as const));
  const variables = [...parameters.values()];
  const optimizer = new Sgd(parameters, { momentum: 0.99, nesterov: true, weightDecay: 3e-5 });
  const x = tf.randomUniform<tf.Rank.R5>([batch, size, size, size, 1], 0, 1, 'float32', 1);
  const dy = tf.randomUniform([batch, size, size, size, 1], 0, 1 / (batch * size ** 3), 'float32', 2);
  const timing = await time(options, async () => {
    const { outputs, gradients } = vjp(() => [network.forward(x)], [dy], variables);
    optimizer.step(gradients, 1e-4);
    await finished(variables[0]!);
    disposeGradients(gradients);
    tf.dispose(outputs);
  });
  const { forwardFlops } = estimate(config, [size, size, size], 1);
  const count = network.parameters.count;
  tf.dispose([x, dy]);
  optimizer.dispose();
  network.dispose();
  const secondsPerCrop = divided(timing, batch);
  return {
    bench: 'resenc',
    ...machine,
    featureSize,
    size,
    batch,
    parameters: count,
    secondsPerCrop,
    gigaflops: (3 * forwardFlops) / secondsPerCrop.median / 1e9,
    peakBytes: peakMemory(),
  };
}
