import type { Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import type { Config } from '../config';
import { createEncoder, type Encoder } from '../nets';
import type { StateEntry } from '../nets/state';
import { RandomStream, streamId } from '../random/random';
import { viewAs } from '../runs';
import { withWeights, type Branch } from '../runs/import';
import * as tf from '../tensor/tf';
import { asWeights } from '../convert/read';

/** Positions of a feature map that count, at most, of each crop. */
export const POSITIONS_A_CROP = 64;
const POSITIONS = streamId('feature positions');

/** Features of an encoder stage over all crops. */
export interface StageFeatures {
  readonly stride: number;
  readonly channels: number;
  /** `[crops · positions, channels]`, the same positions for every network with this stride. */
  readonly values: Float32Array;
}

/**
 * The encoder of a checkpoint on the device in use, whatever it was trained for. The decoder's and the optimizer's are not read.
 *
 * @throws UserError naming the file when it does not hold every weight of the encoder
 */
export async function openEncoder(file: string, config: Config, branch: Branch | undefined): Promise<Encoder> {
  return withWeights(file, branch, async ({ tensors }) => {
    const encoder = createEncoder(config.network, { seed: config.seed });
    try {
      const names = new Set(encoder.parameters.layout.map(({ name }) => name));
      const entries: StateEntry[] = [];
      for (const { name, dtype, shape, read } of tensors.filter((tensor) => names.has(tensor.name))) {
        const data = asWeights(dtype, viewAs(dtype, await read()));
        if (data) entries.push({ name, shape, data });
      }
      encoder.parameters.loadStateDict(entries, { strict: true, source: file });
      return encoder;
    } catch (error) {
      encoder.dispose();
      throw error;
    }
  });
}

/** `count` of `size` positions without repetition, all where there are no more; a function of seed and path alone. */
export function samplePositions(size: number, count: number, seed: number, ...path: number[]): Int32Array {
  if (size <= count) return Int32Array.from({ length: size }, (_, i) => i);
  const random = new RandomStream(seed, POSITIONS, ...path);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.integer(0, size));
  return Int32Array.from(chosen);
}

async function gather(feature: tf.Tensor5D, crop: number, stride: number, seed: number): Promise<Float32Array> {
  const [, x, y, z, channels] = feature.shape;
  const positions = samplePositions(x * y * z, POSITIONS_A_CROP, seed, stride, crop);
  const rows = tf.tidy(() => tf.gather(tf.reshape(feature, [x * y * z, channels]), tf.tensor1d(positions, 'int32')));
  try {
    return (await rows.data()) as Float32Array;
  } finally {
    rows.dispose();
  }
}

/** Crops `[…input, C]`, cut when they are asked for. */
export interface Crops {
  readonly count: number;
  readonly cut: (index: number) => Float32Array;
}

export interface EncodeOptions {
  /** Size of a crop as the network gets it. */
  readonly input: Vec3;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Called after each crop. */
  readonly onCrop: () => void;
}

/**
 * Features of an encoder's stages, from fine to coarse, for crops that go through it one at a time.
 *
 * @throws AbortError when cancelled
 */
export async function encodeStages(
  encoder: Encoder,
  crops: Crops,
  { input, seed, signal, onCrop }: EncodeOptions,
): Promise<StageFeatures[]> {
  const stages = new Map<number, { stride: number; channels: number; parts: Float32Array[] }>();
  for (let i = 0; i < crops.count; i++) {
    signal.throwIfAborted();
    const features = tf.tidy(() => encoder.forward(tf.tensor5d(crops.cut(i), [1, ...input, encoder.inChannels])));
    try {
      for (const feature of features) {
        const [stride, channels] = [input[0] / feature.shape[1], feature.shape[4]];
        const stage = stages.get(stride) ?? { stride, channels, parts: [] };
        stages.set(stride, stage);
        stage.parts.push(await gather(feature, i, stride, seed));
      }
    } finally {
      tf.dispose(features);
    }
    onCrop();
    // Lets a request to cancel in: kernels block this thread.
    await breathe();
  }
  return [...stages.values()].map(({ stride, channels, parts }) => ({ stride, channels, values: joined(parts) }));
}

/** Arrays one after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}
