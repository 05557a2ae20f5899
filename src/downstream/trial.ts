import type { FinetuneConfig } from '../config';
import { RandomStream, streamId } from '../random/random';

/** What batches of noise have in common: so many volumes or crops for timing a step. */
export function noise({ crops, network, seed }: FinetuneConfig, count: number) {
  const voxels = crops.size[0] * crops.size[1] * crops.size[2];
  const stream = new RandomStream(seed, streamId('trial'));
  const images = Float32Array.from({ length: count * voxels * network.inChannels }, () => stream.uniform());
  return { cases: Array.from({ length: count }, () => 'trial'), channels: network.inChannels, images };
}
