// The axes of space in another order: a network with turned weights computes of a turned volume what it computed of the volume.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { elementCount, mapAxes, voxelCount, type Vec3 } from '../../../src/geometry';
import { createSegmenter, type NetworkConfig } from '../../../src/nets';
import { describedSection, networkDescriptors } from '../../../src/nets/descriptors';
import type { StateEntry } from '../../../src/nets/state';
import { turnedTensor } from '../../../src/runs/import';
import * as tf from '../../../src/tensor/tf';
import { releaseBackends, useBackend } from '../../support/backends';
import { Formula } from '../../support/formula';
import { filled, relativeError } from '../../support/onnx';

beforeAll(() => useBackend('cpu'));
afterAll(releaseBackends);

const SIZE: Vec3 = [16, 48, 32];

/** A small network of each kind; what depends on the axes differs along them. */
const SECTIONS: Record<string, (size: Vec3) => NetworkConfig> = {
  unet3d: () => ({ name: 'unet3d', featureSize: 4, inChannels: 2 }),
  'segresnet, suprem': () => ({ name: 'segresnet', variant: 'suprem', initFilters: 8, inChannels: 2 }),
  'resenc-unet': () => ({ name: 'resenc-unet', stages: 3, features: [4, 8, 8], blocks: [1, 2], inChannels: 2 }),
  primus: (crop) => ({
    ...{ name: 'primus', size: null, embedDim: 36, depth: 2, heads: 2, patch: [8, 8, 8], inChannels: 2 },
    crop: crop as [number, number, number],
  }),
};

/** A volume (x, y, z, channels) with its axes in another order. */
function turnedVolume(values: Float32Array, size: Vec3, channels: number, axes: Vec3): Float32Array {
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, [...size, channels]), [...axes, 3]).dataSync()) as Float32Array;
}

async function turnedEntry(entry: StateEntry, section: NetworkConfig, axes: Vec3, crop: Vec3): Promise<StateEntry> {
  const { name, shape, data } = entry;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { descriptor, section: full } = describedSection(section);
  const tensor = { name, dtype: 'F32', shape, read: () => Promise.resolve(bytes) } as const;
  const to = turnedTensor(tensor, descriptor, { section: full, axes, crop });
  return { name, shape: to.shape, data: new Float32Array((await to.read()).slice().buffer) };
}

async function outputOf(
  section: NetworkConfig,
  size: Vec3,
  x: Float32Array,
  weights?: readonly StateEntry[],
): Promise<{ values: Float32Array; weights: StateEntry[] }> {
  const network = weights ? createSegmenter(section, 3, { seed: 0 }) : filled(createSegmenter(section, 3, { seed: 0 }));
  if (weights) network.parameters.loadStateDict(weights, { strict: true });
  const logits = tf.tidy(() => network.forward(tf.tensor5d(x, [1, ...size, 2])));
  const values = (await logits.data()) as Float32Array;
  const state = await network.parameters.stateDict();
  logits.dispose();
  network.dispose();
  return { values, weights: state.map(({ name, shape, data }) => ({ name, shape, data: data.slice() })) };
}

test('every network that can be turned is tried here', () => {
  const tried = new Set(Object.values(SECTIONS).map((section) => section(SIZE).name));
  const can = networkDescriptors.all.filter(({ stateDict }) => stateDict.turn).map(({ name }) => name);
  expect(can.filter((name) => !tried.has(name as NetworkConfig['name']))).toEqual([]);
});

const ORDERS: readonly Vec3[] = [[2, 1, 0], [1, 2, 0]]; // prettier-ignore

test.each(Object.keys(SECTIONS).flatMap((name) => ORDERS.map((axes) => [name, axes] as const)))(
  '%s, axes %j',
  async (name, axes) => {
    const section = SECTIONS[name]!;
    const x = new Formula(0).image('turn.x', [1, ...SIZE, 2]);
    const before = await outputOf(section(SIZE), SIZE, x);
    const size = mapAxes((axis) => SIZE[axes[axis]]!);
    const weights = await Promise.all(before.weights.map((entry) => turnedEntry(entry, section(size), axes, size)));
    const after = await outputOf(section(size), size, turnedVolume(x, SIZE, 2, axes), weights);
    const expected = turnedVolume(before.values, SIZE, elementCount([before.values.length]) / voxelCount(SIZE), axes);
    expect(relativeError(after.values, expected)).toBeLessThan(1e-4);
    // The order matters: else nothing would have been tried.
    expect(relativeError(before.values, expected)).toBeGreaterThan(1e-2);
  },
);
