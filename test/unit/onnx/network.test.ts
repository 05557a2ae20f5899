import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Classifier, createSegmenter, type NetworkConfig } from '../../../src/nets';
import { traceNetwork, writeModel, type Recordable } from '../../../src/onnx';
import * as tf from '../../../src/tensor/tf';
import { fastestBackend, releaseBackends } from '../../support/backends';
import { Formula } from '../../support/formula';
import { filled, relativeError, runOnnx } from '../../support/onnx';
import { channelsFirst, channelsLast } from '../../support/reference';
import { temporaryFolder } from '../runs/support';

// Each network runs here and in ONNX Runtime, on one thread: minutes on a busy machine.

type Size = [number, number, number];
const facts = { producer: 'voco', version: '0', description: 'a test', metadata: {} };

/** Logits of ONNX Runtime against ours, for `batch` different images. */
async function compare(build: () => Recordable, size: Size, batch: number): Promise<number> {
  await fastestBackend();
  const before = tf.getBackend();
  const file = join(temporaryFolder(), 'network.onnx');
  await writeModel(file, await traceNetwork(build, size), facts);
  expect(tf.getBackend()).toBe(before);
  const network = build();
  const shape = [batch, network.inChannels, ...size] as [number, number, number, number, number];
  const values = new Formula(0).image('onnx.x', shape);
  const logits = tf.tidy(() => network.forward(channelsLast(values, shape)));
  const expected = logits.rank === 5 ? await channelsFirst(logits) : ((await logits.data()) as Float32Array);
  const [, classes] = [logits.dispose(), logits.shape.at(-1)!];
  network.dispose();
  const found = await runOnnx(file, values, shape);
  expect(found.dims).toEqual([batch, classes, ...(logits.rank === 5 ? size : [])]);
  return relativeError(found.data as Float32Array, expected);
}

const primus = (more: object): NetworkConfig => ({
  name: 'primus',
  size: null,
  embedDim: 48,
  depth: 2,
  heads: 2,
  ...more,
});
const swin = (useV2: boolean): NetworkConfig => ({ name: 'swin-unetr', featureSize: 12, useV2 });

// Axes of different lengths tell whether one is taken for another.
const segmenters: [string, NetworkConfig, Size, number][] = [
  ['a 3D U-Net', { name: 'unet3d', featureSize: 8 }, [32, 48, 16], 2],
  ['a 3D U-Net of two channels', { name: 'unet3d', featureSize: 4, inChannels: 2 }, [32, 32, 48], 1],
  ['a SegResNet', { name: 'segresnet', initFilters: 8 }, [16, 32, 24], 2],
  ['a SegResNet of CT-FM', { name: 'segresnet', variant: 'ct-fm', initFilters: 6 }, [16, 32, 24], 2],
  [
    'a residual encoder U-Net',
    { name: 'resenc-unet', stages: 4, features: [4, 8, 12], blocks: [1, 2] },
    [16, 32, 24],
    2,
  ],
  [
    'a residual encoder U-Net for thick slices',
    {
      name: 'resenc-unet',
      stages: 3,
      features: [4, 8],
      blocks: [1],
      kernels: [
        [3, 3, 1],
        [3, 3, 3],
      ],
      strides: [
        [1, 1, 1],
        [2, 2, 1],
        [2, 2, 2],
      ],
      decoderConvs: [2],
      convBias: false,
      inChannels: 2,
    },
    [16, 32, 8],
    1,
  ],
  ['Swin-UNETR, two images', swin(false), [32, 64, 32], 2],
  ['Swin-UNETR v2', swin(true), [64, 64, 32], 1],
  ['Primus, two images', primus({ crop: [32, 24, 40] }), [32, 24, 40], 2],
  [
    'Primus with longer patches, without LayerScale and inner norm',
    primus({ patch: [8, 4, 16], crop: [16, 24, 32], layerScale: null, innerNorm: false, inChannels: 2 }),
    [16, 24, 32],
    1,
  ],
];

describe('ONNX Runtime gives our logits', () => {
  test.each(segmenters)('%s', async (what, config, size, batch) => {
    const error = await compare(() => filled(createSegmenter(config, 5, { seed: 0 })), size, batch);
    console.info(`${what}: largest relative difference ${error.toExponential(1)}`);
    expect(error).toBeLessThan(1e-4);
  });

  test.each([
    ['a classifier on a 3D U-Net', { name: 'unet3d', featureSize: 4 }, [32, 48, 32]],
    ['a classifier on a SegResNet of CT-FM', { name: 'segresnet', variant: 'ct-fm', initFilters: 6 }, [16, 32, 24]],
    ['a classifier on a residual encoder U-Net', { name: 'resenc-unet', stages: 3, features: [4, 8] }, [16, 24, 32]],
    ['a classifier on Swin-UNETR', swin(true), [64, 32, 32]],
    ['a classifier on Primus', primus({ crop: [24, 32, 16] }), [24, 32, 16]],
  ] as [string, NetworkConfig, Size][])('%s', async (what, config, size) => {
    const error = await compare(() => filled(new Classifier(config, 3, { seed: 0 })), size, 2);
    console.info(`${what}: largest relative difference ${error.toExponential(1)}`);
    expect(error).toBeLessThan(1e-4);
  });
});

afterAll(releaseBackends);
