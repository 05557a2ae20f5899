import { beforeAll, describe, expect, it } from 'vitest';
import { createVisibleSegmenter, visibleNorm, VisibleVoxels, type NetworkConfig } from '../../../src/nets';
import { drawBlockMask, hideVoxels, voxelMask } from '../../../src/pretext/crops/blocks';
import { Densify } from '../../../src/pretext/spark/densify';
import { RandomStream } from '../../../src/random/random';
import { useDevice } from '../../../src/tensor/backends';
import { instanceNorm } from '../../../src/tensor/ops';
import * as tf from '../../../src/tensor/tf';
import { trainingDevice } from '../../support/trainer';

beforeAll(async () => useDevice(await trainingDevice(), {}));

const size = [32, 32, 32] as const;
const block = 8;
const noise = (seed: number, length: number): Float32Array => {
  const random = new RandomStream(seed);
  return Float32Array.from({ length }, () => random.normal());
};
const hidden = voxelMask(drawBlockMask(new RandomStream(4), size, block, 0.7));
const voxels = noise(1, 32 ** 3);

const networks: NetworkConfig[] = [
  { name: 'unet3d', featureSize: 4 },
  { name: 'resenc-unet', stages: 5, features: [4, 8, 8, 12], blocks: [1, 2] },
];

function features(network: NetworkConfig, crop: Float32Array): Float32Array[] {
  const net = createVisibleSegmenter(network, 1, { seed: 2 });
  const visible = new VisibleVoxels(hidden, 1, size, block);
  const x = tf.tensor5d(hideVoxels(crop, hidden, 0), [1, ...size, 1]);
  const all = net.encodeVisible(x, visible);
  const filled = new Densify(net.scales, { seed: 3 }).fill(all, visible);
  return [...all, ...filled, net.decode(filled)].map((tensor) => tensor.dataSync() as Float32Array);
}

describe.each(networks)('what SparK’s encoder sees: $name', (network) => {
  it('does not change with hidden voxels, wherever the network is looked at', () => {
    const other = voxels.map((value, i) => (hidden[i] ? value + 100 : value));
    const [one, two] = [features(network, voxels), features(network, other)];
    one.forEach((feature, i) => expect(two[i]).toEqual(feature));
    const seen = voxels.map((value, i) => (hidden[i] ? value : value + 1e-2 * (i % 7)));
    expect(features(network, seen).at(-1)).not.toEqual(one.at(-1));
  });

  it('is nothing where all is hidden, at scales no coarser than the cubes', () => {
    const [finest, second, third, fourth, coarsest] = features(network, voxels);
    const at = [finest!, second!, third!, fourth!];
    at.forEach((feature, scale) => {
      const step = 2 ** scale;
      const edge = 32 / step;
      const channels = feature.length / edge ** 3;
      for (let i = 0; i < edge ** 3; i++) {
        const [x, y, z] = [Math.floor(i / edge ** 2), Math.floor(i / edge) % edge, i % edge];
        if (!hidden[(x * step * 32 + y * step) * 32 + z * step]) continue;
        for (let c = 0; c < channels; c++) expect(Math.abs(feature[i * channels + c]!)).toBe(0);
      }
    });
    // Voxels of the fifth scale are larger than a cube: all of them are seen.
    expect(coarsest!.every((value) => value !== 0)).toBe(true);
  });
});

describe('the norm of visible voxels', () => {
  const x = (): tf.Tensor5D => tf.tensor5d(noise(5, 2 * 64 * 3), [2, 4, 4, 4, 3]);

  it('is the instance norm where all are visible', () => {
    const [own, usual] = [visibleNorm(x(), tf.ones([2, 4, 4, 4, 1]), 0.01), instanceNorm(x(), { slope: 0.01 })];
    const usualValues = usual.dataSync();
    own.dataSync().forEach((value, i) => expect(value).toBeCloseTo(usualValues[i]!, 4));
  });

  it('has mean 0 and variance 1 over visible voxels of each crop and channel, and 0 elsewhere', () => {
    const seen = Float32Array.from({ length: 128 }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const y = visibleNorm(x(), tf.tensor5d(seen, [2, 4, 4, 4, 1])).dataSync();
    for (let n = 0; n < 2; n++)
      for (let c = 0; c < 3; c++) {
        const all = Array.from({ length: 64 }, (_, i) => ({ on: seen[n * 64 + i], value: y[(n * 64 + i) * 3 + c]! }));
        const shown = all.filter(({ on }) => on === 1).map(({ value }) => value);
        const mean = shown.reduce((sum, value) => sum + value, 0) / shown.length;
        expect(mean).toBeCloseTo(0, 4);
        expect(shown.reduce((sum, value) => sum + value ** 2, 0) / shown.length).toBeCloseTo(1, 2);
        expect(all.filter(({ on }) => on === 0).every(({ value }) => value === 0)).toBe(true);
      }
  });
});
