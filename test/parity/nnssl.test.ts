// Checkpoints that voco export writes for nnssl, in nnU-Net's own networks: every key loads strictly, and the outputs are ours.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { presetConfig } from '../../src/config';
import { exportNnssl } from '../../src/convert/exportNnssl';
import type { Vec3 } from '../../src/geometry';
import { createEncoder, createSegmenter, type Encoder, type NetworkConfig, type Segmenter } from '../../src/nets';
import { saveCheckpoint, type TensorEntry } from '../../src/runs';
import * as tf from '../../src/tensor/tf';
import { fastestBackend, releaseBackends } from '../support/backends';
import { Formula } from '../support/formula';
import { needs, nnUnetNetworks, pythonPackages } from '../support/needs';
import { filled, relativeError } from '../support/onnx';
import { temporaryFolder } from '../unit/runs/support';

afterAll(releaseBackends);

const SCRIPT = join(import.meta.dirname, '../support/torch/nnssl.py');
const nnUnet = nnUnetNetworks();

interface Answer {
  readonly keys: number;
  readonly wanted: number;
  readonly storages: number;
  readonly handedOn: number;
  readonly missing: string[];
  readonly unexpected: string[];
  readonly shape: number[];
  readonly configurations: number;
  readonly beside: boolean;
}

/** A checkpoint as a pre-training writes it. */
async function checkpointOf(
  folder: string,
  section: NetworkConfig,
  network: Segmenter | Encoder,
  crop: Vec3,
): Promise<string> {
  const preset = presetConfig('mae-mri', { network: section.name });
  const config = { ...preset, network: section, method: { name: 'mae', crop, block: 8 } };
  const tensors = (await network.parameters.stateDict()).map(({ name, shape, data }): TensorEntry => ({
    name: `student.${name}`,
    dtype: 'F32',
    shape,
    data,
  }));
  const metadata = { kind: 'pretrain', name: 'x', config: JSON.stringify(config) };
  return saveCheckpoint(folder, { step: 1, tensors, metadata });
}

/** What comes out of nnU-Net's network for an image, and what it found in the file. @param size along x, y, z */
function inTorch(folder: string, file: string, size: Vec3, channels: number, encoder: boolean) {
  const shape = [1, channels, ...[...size].reverse()];
  const image = new Formula(0).image('nnssl.x', shape as [number, number, number, number, number]);
  const [input, out, request] = ['x.raw', 'y.raw', 'request.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(input, new Uint8Array(image.buffer));
  const plan = join(folder, 'adaptation_plan.json');
  writeFileSync(request, JSON.stringify({ packages: pythonPackages, file, image: input, out, shape, plan, encoder }));
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout, stderr, status } = spawnSync(nnUnet.python, [SCRIPT, request], { encoding: 'utf8', env });
  expect(status, stderr).toBe(0);
  const bytes = readFileSync(out);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return { image, shape, values, answer: JSON.parse(stdout) as Answer };
}

/** Ours of an image of theirs (1, channels, z, y, x), in their order of axes. */
async function ours(image: Float32Array, shape: readonly number[], forward: (x: tf.Tensor5D) => tf.Tensor5D) {
  const y = tf.tidy(() => {
    const x = tf.transpose(tf.tensor5d(image, shape as never), [0, 4, 3, 2, 1]);
    return tf.transpose(forward(x as tf.Tensor5D), [0, 4, 3, 2, 1]);
  });
  const values = (await y.data()) as Float32Array;
  y.dispose();
  return values;
}

const small: NetworkConfig = { name: 'resenc-unet', stages: 4, features: [8, 16, 24], blocks: [1, 2], inChannels: 1 };
const flat: NetworkConfig = {
  ...{ name: 'resenc-unet', stages: 4, features: [8, 16, 24], blocks: [1, 2], inChannels: 2, decoderConvs: [2, 1] },
  kernels: [[3, 3, 1], [3, 3, 3]],
  strides: [[1, 1, 1], [2, 2, 1], [2, 2, 2]],
}; // prettier-ignore

needs(nnUnet).describe('in nnU-Net’s networks', () => {
  test.each<[string, NetworkConfig, Vec3, number]>([
    ['a small one', small, [48, 32, 64], 1],
    ['one of thick slices, two channels', flat, [64, 48, 24], 2],
    ['ResEnc-L', { name: 'resenc-unet' }, [64, 64, 64], 1],
  ])('every key of %s loads strictly and gives our outputs', async (what, section, size, channels) => {
    await fastestBackend();
    const folder = temporaryFolder();
    const random = createSegmenter(section, channels, { seed: 0 });
    // A hundred million numbers of the formula take minutes.
    const network = what === 'ResEnc-L' ? random : filled(random);
    const file = await checkpointOf(folder, section, network, size);
    const out = join(folder, 'checkpoint_final.pth');
    const report = await exportNnssl({ file, out });
    const { image, shape, values, answer } = inTorch(folder, out, size, channels, false);
    expect(answer).toMatchObject({ missing: [], unexpected: [], configurations: 1, beside: true });
    expect([answer.keys, answer.handedOn]).toEqual([answer.wanted, report.handedOn]);
    expect(answer.storages).toBe(network.parameters.layout.length);
    if (what === 'ResEnc-L')
      expect([report.architecture, answer.keys, answer.handedOn, answer.storages]).toEqual(['ResEncL', 956, 448, 264]);
    const error = relativeError(values, await ours(image, shape, (x) => network.forward(x)));
    console.info(`${what}: largest relative difference of outputs ${error.toExponential(1)}`);
    expect(error).toBeLessThan(1e-4);
    network.dispose();
  });

  test('an encoder alone has the keys that fine-tuning takes, and gives our features', async () => {
    await fastestBackend();
    const folder = temporaryFolder();
    const [size, channels]: [Vec3, number] = [[48, 32, 64], 1];
    const encoder = filled(createEncoder(small, { seed: 0 }));
    const file = await checkpointOf(folder, small, encoder, size);
    const out = join(folder, 'checkpoint_final.pth');
    const report = await exportNnssl({ file, out });
    const { image, shape, values, answer } = inTorch(folder, out, size, channels, true);
    expect(answer).toMatchObject({ keys: report.handedOn, handedOn: report.handedOn, unexpected: [] });
    expect(answer.missing.every((name) => name.startsWith('decoder.'))).toBe(true);
    expect(relativeError(values, await ours(image, shape, (x) => encoder.forward(x).at(-1)!))).toBeLessThan(1e-4);
    encoder.dispose();
  });
});
