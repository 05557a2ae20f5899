import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createEncoder, createSegmenter, type Network, type NetworkConfig } from '../../src/nets';
import { saveCheckpoint, type TensorEntry } from '../../src/runs';
import { exportWeights } from '../../src/runs/export';
import * as tf from '../../src/tensor/tf';
import { fastestBackend, releaseBackends } from '../support/backends';
import { Formula } from '../support/formula';
import { filled, relativeError } from '../support/onnx';
import { needs, pythonWith } from '../support/needs';
import { channelsFirst, channelsLast } from '../support/reference';
import { temporaryFolder } from '../unit/runs/support';

const SCRIPT = join(import.meta.dirname, '../support/torch/strict.py');

const torch = pythonWith('numpy', 'torch');
const monai = process.env.VOCO_MONAI;
if (torch.present && !monai)
  console.warn('exported weights are loaded in the PyTorch peer, not in MONAI: VOCO_MONAI names no folder that has it');

const size = [64, 32, 64] as const;
const shape = [1, 1, ...size] as const;
const classes = 3;

interface Answer {
  readonly source: string;
  readonly tensors: number;
  readonly missing: string[];
  readonly unexpected: string[];
  readonly shape: number[];
  readonly unchanged: string[];
}

async function entriesOf(network: Pick<Network, 'parameters'>, prefix = ''): Promise<TensorEntry[]> {
  return (await network.parameters.stateDict()).map(({ name, shape: dims, data }): TensorEntry => {
    const base = { name: prefix + name, shape: dims };
    if (data instanceof Float32Array) return { ...base, dtype: 'F32', data };
    return { ...base, dtype: 'I64', data: BigInt64Array.from(data, BigInt) };
  });
}

/** What PyTorch makes of an exported file, with the numbers that come out. */
function inTorch(file: string, folder: string, useV2: boolean, strict: boolean): Answer & { values: Float32Array } {
  const values = new Formula(0).image('torch.x', [...shape]);
  const [input, out, request] = ['x.raw', 'y.raw', 'request.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(input, new Uint8Array(values.buffer));
  const network = { size, classes, featureSize: 12, useV2, strict };
  writeFileSync(request, JSON.stringify({ file, image: input, out, ...network }));
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout, stderr, status } = spawnSync(torch.python, [SCRIPT, request], { encoding: 'utf8', env });
  expect(status, stderr).toBe(0);
  const bytes = readFileSync(out);
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return { ...(JSON.parse(stdout) as Answer), values: numbers };
}

const config = (useV2: boolean): NetworkConfig => ({ name: 'swin-unetr', featureSize: 12, useV2 });
const isBuffer = (name: string): boolean => name.endsWith('relative_position_index');

needs(torch).describe('in PyTorch', () => {
  test.each([true, false])(
    'a fine-tuned network (v2: %s) loads strictly and gives our logits',
    async (useV2) => {
      await fastestBackend();
      const folder = temporaryFolder();
      const network = filled(createSegmenter(config(useV2), classes, { seed: 0 }));
      const metadata = { kind: 'finetune', name: 'x' };
      const tensors = await entriesOf(network);
      const file = await saveCheckpoint(folder, { step: 1, tensors, metadata });
      const out = join(folder, 'network.pt');
      await exportWeights({ file, out, format: 'pt' });
      const answer = inTorch(out, folder, useV2, true);
      expect(answer).toMatchObject({ tensors: tensors.length, missing: [], unexpected: [] });
      expect(answer.unchanged.filter((name) => !isBuffer(name))).toEqual([]);
      expect(answer.shape).toEqual([1, classes, ...size]);
      const logits = tf.tidy(() => network.forward(channelsLast(new Formula(0).image('torch.x', [...shape]), shape)));
      const error = relativeError(answer.values, await channelsFirst(logits));
      console.info(`${answer.source}, v2 ${useV2}: largest relative difference of logits ${error.toExponential(1)}`);
      expect(error).toBeLessThan(1e-4);
      logits.dispose();
      network.dispose();
    },
    180_000,
  );

  test.each(['student', 'teacher'] as const)(
    'the flat layout of a pre-training’s %s gives our features',
    async (branch) => {
      await fastestBackend();
      const folder = temporaryFolder();
      const encoder = filled(createEncoder(config(true), { seed: 0 }));
      const other = createEncoder(config(true), { seed: 1 });
      const sides = branch === 'student' ? [encoder, other] : [other, encoder];
      const tensors = [
        ...(await entriesOf(sides[0]!, 'student.')),
        ...(await entriesOf(sides[1]!, 'teacher.')),
        { name: 'student.proj_head.layer1.0.weight', dtype: 'F32', shape: [1], data: Float32Array.of(1) } as const,
      ];
      const file = await saveCheckpoint(folder, { step: 1, tensors, metadata: { kind: 'pretrain', name: 'x' } });
      const out = join(folder, 'SSL_head.pt');
      await exportWeights({ file, out, format: 'pt', branch });
      const answer = inTorch(out, folder, true, false);
      expect(answer.unexpected).toEqual([]);
      expect(answer.missing.length).toBeGreaterThan(0);
      expect(answer.missing.filter((name) => !/^(decoder[1-5]|out)\./.test(name))).toEqual([]);
      expect(answer.unchanged.filter((name) => !isBuffer(name))).toEqual([]);
      const pooled = tf.tidy(() => encoder.pooled(channelsLast(new Formula(0).image('torch.x', [...shape]), shape)));
      expect(answer.shape).toEqual(pooled.shape);
      const error = relativeError(answer.values, (await pooled.data()) as Float32Array);
      console.info(`${answer.source}, ${branch}: largest relative difference of features ${error.toExponential(1)}`);
      expect(error).toBeLessThan(1e-4);
      pooled.dispose();
      encoder.dispose();
      other.dispose();
    },
    180_000,
  );
});

afterAll(releaseBackends);
