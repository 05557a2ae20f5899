import type { Vec3 } from '../geometry';
import { conv3d, windowAttention, windowSize } from '../tensor/ops';
import { disposeGradients, vjp } from '../tensor/autodiff';
import * as tf from '../tensor/tf';
import { finished, openDevice, time, type BenchOptions, type Machine, type Timing } from './measure';

export interface KernelTimes {
  name: string;
  forward: Timing;
  /** Forward and all gradients. */
  training: Timing;
  forwardGigaflops: number;
  /** Null when the gradients took no time that can be told from the noise of the forward pass. */
  backwardGigaflops: number | null;
}

export interface KernelBench extends Machine {
  bench: 'conv' | 'attention';
  batch: number;
  shapes: KernelTimes[];
}

interface Case {
  name: string;
  inputs: tf.Tensor[];
  operation: () => tf.Tensor;
  /** Of the forward pass; the gradients take `backwardRatio` times that. */
  flops: number;
  backwardRatio: number;
}

async function timeCase(options: BenchOptions, it: Case): Promise<KernelTimes> {
  const forward = await time(options, async () => {
    const y = tf.tidy(it.operation);
    await finished(y);
    y.dispose();
  });
  const y = tf.tidy(it.operation);
  const dy = tf.randomUniform(y.shape, -1, 1, 'float32', 9);
  y.dispose();
  const training = await time(options, async () => {
    const { outputs, gradients } = vjp(() => [it.operation()], [dy], it.inputs);
    for (const gradient of gradients) await finished(gradient!);
    disposeGradients(gradients);
    tf.dispose(outputs);
  });
  tf.dispose([...it.inputs, dy]);
  const backward = training.median - forward.median;
  return {
    name: it.name,
    forward,
    training,
    forwardGigaflops: it.flops / forward.median / 1e9,
    backwardGigaflops: backward > 0 ? (it.backwardRatio * it.flops) / backward / 1e9 : null,
  };
}

const values = (shape: number[], scale = 1): tf.Tensor => tf.randomUniform(shape, -scale, scale, 'float32', 3);

export interface KernelBenchOptions extends BenchOptions {
  featureSize: number;
  /** Voxels along each axis of the crop: the network's stages follow from it. */
  size: number;
  batch: number;
}

/** 3×3×3 convolutions of the network's residual blocks, at the crop's resolution and at that of its stages. */
export async function benchConv(options: KernelBenchOptions): Promise<KernelBench> {
  const machine = await openDevice(options);
  const { batch, featureSize } = options;
  const shapes: KernelTimes[] = [];
  for (let level = 0; level <= 5; level++) {
    const side = options.size >> level;
    const channels = featureSize << Math.max(0, level - 1);
    if (side < 1) break;
    const x = values([batch, side, side, side, channels]) as tf.Tensor5D;
    const filter = values([3, 3, 3, channels, channels], (27 * channels) ** -0.5) as tf.Tensor5D;
    shapes.push(
      await timeCase(options, {
        name: `${channels}→${channels} at ${side}³`,
        inputs: [x, filter],
        operation: () => conv3d(x, filter, { padding: 1 }),
        flops: 2 * batch * side ** 3 * 27 * channels * channels,
        backwardRatio: 2,
      }),
    );
  }
  return { bench: 'conv', ...machine, batch, shapes };
}

const WINDOW: Vec3 = [7, 7, 7];
const SHIFT: Vec3 = [3, 3, 3];
const HEADS = 3;

/** Shifted-window attention of the four stages. */
export async function benchAttention(options: KernelBenchOptions): Promise<KernelBench> {
  const machine = await openDevice(options);
  const { batch, featureSize } = options;
  const shapes: KernelTimes[] = [];
  for (let stage = 0; stage < 4; stage++) {
    const side = options.size >> (stage + 1);
    const [width, heads] = [featureSize << stage, HEADS << stage];
    if (side < 1) break;
    const inUse = windowSize([side, side, side], WINDOW, SHIFT);
    const attrs = { tableWindow: WINDOW, ...inUse, heads, scale: (width / heads) ** -0.5 };
    const qkv = values([batch, side, side, side, 3 * width]) as tf.Tensor5D;
    const padToken = values([3 * width]) as tf.Tensor1D;
    const table = values([13 ** 3, heads]) as tf.Tensor2D;
    const tokens = Math.min(side, 7) ** 3;
    const windows = Math.ceil(side / 7) ** 3;
    shapes.push(
      await timeCase(options, {
        name: `${width} channels, ${heads} heads at ${side}³`,
        inputs: [qkv, padToken, table],
        operation: () => windowAttention(qkv, padToken, table, attrs),
        flops: 4 * batch * windows * tokens * tokens * width,
        backwardRatio: 2.5,
      }),
    );
  }
  return { bench: 'attention', ...machine, batch, shapes };
}
