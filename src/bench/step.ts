import { countParameters, createEncoder, estimate, ParameterSet, type NetworkConfig } from '../nets';
import { disposeGradients, vjp } from '../tensor/autodiff';
import { AdamW } from '../tensor/optim';
import * as tf from '../tensor/tf';
import { Projector } from '../pretext/voco/projector';
import { finished, openDevice, peakMemory, time, type BenchOptions, type Machine, type Timing } from './measure';

export interface StepBenchOptions extends BenchOptions {
  featureSize: number;
  /** Voxels along each axis of a crop. */
  size: number;
  /** Crops in a step, all recorded at once. At least 2: the projector's batch norm needs them. */
  batch: number;
  /** Width of the projector. */
  hidden: number;
}

export interface StepBench extends Machine {
  bench: 'step';
  featureSize: number;
  size: number;
  batch: number;
  parameters: number;
  /** Seconds of a step for each of its crops. */
  secondsPerCrop: Timing;
  /** Multiplications and additions of the encoder, forward and backward, a second. */
  gigaflops: number;
  peakBytes: number;
}

/** Times for each of `parts` of a run. */
export function divided(timing: Timing, parts: number): Timing {
  const { median, min, max, runs } = timing;
  return { median: median / parts, min: min / parts, max: max / parts, runs };
}

/**
 * One training step of the authors' pre-training network: Swin-UNETR v2 encoder with its five residual blocks, pooling and
 * projector, forward, backward and AdamW with AMSGrad. bench/peers/peer.py does the same in PyTorch.
 */
export async function benchStep(options: StepBenchOptions): Promise<StepBench> {
  const { featureSize, size, batch, hidden } = options;
  const machine = await openDevice(options);
  const config: NetworkConfig = { name: 'swin-unetr', featureSize, useV2: true };
  const encoder = createEncoder(config, { seed: 0 });
  const projection = new ParameterSet({ seed: 0 });
  const projector = new Projector(projection, encoder.pooledSize, { hidden, out: hidden });
  const parameters = new Map(
    [...encoder.parameters.all, ...projection.all].map(({ name, variable }) => [name, variable] as const),
  );
  const variables = [...parameters.values()];
  const optimizer = new AdamW(parameters, { weightDecay: 0.01, amsgrad: true });
  const x = tf.randomUniform<tf.Rank.R5>([batch, size, size, size, 1], 0, 1, 'float32', 1);
  const dy = tf.randomUniform([batch, hidden], 0, 1 / (batch * hidden), 'float32', 2);
  const timing = await time(options, async () => {
    const { outputs, gradients } = vjp(() => [projector.forward(encoder.pooled(x))], [dy], variables);
    optimizer.step(gradients, 1e-4);
    await finished(variables[variables.length - 1]!);
    disposeGradients(gradients);
    tf.dispose(outputs);
  });
  const { forwardFlops } = estimate(config, [size, size, size]);
  tf.dispose([x, dy]);
  optimizer.dispose();
  encoder.dispose();
  projection.dispose();
  const secondsPerCrop = divided(timing, batch);
  return {
    bench: 'step',
    ...machine,
    featureSize,
    size,
    batch,
    parameters: countParameters(config) + projection.count,
    secondsPerCrop,
    gigaflops: (3 * forwardFlops) / secondsPerCrop.median / 1e9,
    peakBytes: peakMemory(),
  };
}
