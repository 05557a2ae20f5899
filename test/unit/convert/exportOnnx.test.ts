import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loadConfig, type FinetuneConfig } from '../../../src/config';
import { UsageError, UserError } from '../../../src/errors/userError';
import { checkModel } from '../../../src/onnx';
import { saveCheckpoint, writeSafetensors, type TensorEntry } from '../../../src/runs';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';
import { parseCommandLine } from '../../../src/cli/command';
import { exportWeights } from '../../../src/cli/commands/export';
import { buildClassifier } from '../../../src/downstream/classification/task';
import { buildNetwork } from '../../../src/downstream/segmentation/task';
import { exportOnnx } from '../../../src/convert/exportOnnx';
import { Formula } from '../../support/formula';
import { filled, relativeError, runOnnx } from '../../support/onnx';
import { channelsFirst, channelsLast } from '../../support/reference';
import { temporaryFolder } from '../runs/support';

const size = [32, 32, 16] as const;
const shape = [1, 1, ...size] as const;
const classes = [
  { name: 'liver', values: [1] },
  { name: 'tumour', values: [2, 3] },
];

/** A small fine-tuning, its defaults filled in. */
async function finetuning(folder: string, output: string | null = null): Promise<FinetuneConfig> {
  const file = join(folder, 'tiny.voco.json');
  const config = {
    kind: 'finetune',
    name: 'tiny',
    data: { train: [{ datalist: '/home/somebody/cases.json' }] },
    task: { name: 'custom', output, classes },
    network: { name: 'unet3d', featureSize: 4 },
    crops: { size },
  };
  writeFileSync(file, JSON.stringify(config));
  return (await loadConfig(file, { kind: 'finetune' })).config;
}

const build = (config: FinetuneConfig) =>
  filled(config.task.output === 'classification' ? buildClassifier(config) : buildNetwork(config));

async function weightsOf(config: FinetuneConfig): Promise<TensorEntry[]> {
  await useDevice('cpu');
  const network = build(config);
  const entries = await network.parameters.stateDict();
  network.dispose();
  return entries.map(({ name, shape: dims, data }) => ({
    ...{ name, dtype: 'F32', shape: dims, data: data as Float32Array },
  }));
}

/** A checkpoint as a fine-tuning writes it, with the optimizer's state. */
async function checkpoint(folder: string, config: FinetuneConfig): Promise<string> {
  const extra: TensorEntry = { name: 'optimizer.m.x', dtype: 'F32', shape: [1], data: Float32Array.of(1) };
  const metadata = { kind: 'finetune', name: 'tiny', config: JSON.stringify(config), version: '0.1.0' };
  const tensors = [...(await weightsOf(config)), extra];
  return saveCheckpoint(join(folder, 'run'), { step: 40, tensors, metadata, metrics: { dice: 0.5 } });
}

/** What our network makes of an image, as (N, C, …). */
async function ours(config: FinetuneConfig, values: Float32Array): Promise<Float32Array> {
  const network = build(config);
  const logits = tf.tidy(() => network.forward(channelsLast(values, shape)) as tf.Tensor);
  const result = logits.rank === 5 ? await channelsFirst(logits) : ((await logits.data()) as Float32Array);
  logits.dispose();
  network.dispose();
  return result;
}

/** `voco export …` in this process. */
async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const texts = { stdout: '', stderr: '' };
  const catching = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      texts[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await exportWeights.run(parseCommandLine(exportWeights, args)), ...texts };
  } finally {
    for (const spy of catching) spy.mockRestore();
  }
}

describe('voco export --to onnx', () => {
  test.each([null, 'sigmoid', 'classification'])('of a network whose output is %s', async (output) => {
    const folder = temporaryFolder();
    const config = await finetuning(folder, output);
    const file = await checkpoint(folder, config);
    const out = join(folder, 'network.onnx');
    const report = await exportOnnx({ file, out });
    expect(report).toMatchObject({ file, out, files: [out], card: `${out}.md`, branch: null, leftOut: 1, opset: 17 });
    const values = new Formula(0).image('onnx.x', [...shape]);
    const logits = await runOnnx(out, values, shape);
    const channels = output === null ? 3 : 2;
    expect(logits.dims).toEqual(output === 'classification' ? [1, 2] : [1, channels, ...size]);
    expect(relativeError(logits.data as Float32Array, await ours(config, values))).toBeLessThan(1e-4);
  });

  test('carries what a program needs to know, without folders of this machine', async () => {
    const folder = temporaryFolder();
    const config = await finetuning(folder);
    const out = join(folder, 'network.onnx');
    await exportOnnx({ file: await checkpoint(folder, config), out });
    const { metadata, producer } = await checkModel(out);
    expect(producer).toBe('voco');
    expect(metadata).toMatchObject({ output: 'softmax', name: 'tiny', step: '40', version: '0.1.0' });
    const told = JSON.parse(metadata.classes!) as unknown;
    expect(told).toEqual([{ name: 'background', values: [0] }, ...classes]);
    expect(JSON.parse(metadata.preprocess!)).toEqual(config.data.preprocess);
    expect(JSON.parse(metadata.window!)).toEqual(size);
    expect(JSON.parse(metadata.inference!)).toEqual({ overlap: 0.75, mode: 'gaussian', flips: false });
    expect(readFileSync(out, 'latin1')).not.toContain('somebody');
    const card = readFileSync(`${out}.md`, 'utf8');
    for (const part of [
      '# tiny',
      'A segmentation network, fine-tuned on labelled volumes.',
      '| Classes | liver, tumour |',
      '| dice | 0.5000 |',
      'input `image` (N, 1, 32, 32, 16)',
      'onnxruntime.InferenceSession("network.onnx")',
      '"featureSize": 4',
    ])
      expect(card).toContain(part);
    expect(card).not.toMatch(/somebody|torch\.load|undefined/);
  });

  test('from the command line, with weights that do not carry their config', async () => {
    const folder = temporaryFolder();
    const config = await finetuning(folder);
    const file = join(folder, 'plain.safetensors');
    await writeSafetensors(file, await weightsOf(config));
    const out = join(folder, 'network.onnx');
    await expect(command(file, '--out', out)).rejects.toThrow(
      /does not describe its network and classes; add --config/,
    );
    const result = await command(file, '--out', out, '--config', join(folder, 'tiny.voco.json'), '--json');
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(/ONNX opset 17, \d+ nodes, checked\n24 tensors/);
    expect(JSON.parse(result.stdout)).toMatchObject({ out, card: `${out}.md`, opset: 17 });
    expect((await checkModel(out)).metadata).toMatchObject({ kind: 'finetune', output: 'softmax' });
    expect(readFileSync(`${out}.md`, 'utf8')).toContain('A segmentation network, fine-tuned on labelled volumes.');
  });

  test('what cannot be exported is an error that says why, and nothing is written', async () => {
    const folder = temporaryFolder();
    const config = await finetuning(folder);
    const out = join(folder, 'out', 'network.onnx');
    const tensors = await weightsOf(config);
    const save = (name: string, list: TensorEntry[], metadata: Record<string, string>) =>
      saveCheckpoint(join(folder, name), { step: 1, tensors: list, metadata });
    const text = JSON.stringify(config);
    const pretraining = await save('a', tensors, { kind: 'pretrain', config: text });
    await expect(exportOnnx({ file: pretraining, out })).rejects.toThrow(
      /is a pre-training checkpoint, .*voco finetune/,
    );
    const incomplete = await save('b', tensors.slice(1), { kind: 'finetune', config: text });
    const lacking = exportOnnx({ file: incomplete, out });
    await expect(lacking).rejects.toThrow(UserError);
    await expect(lacking).rejects.toThrow(/step-00000001\.safetensors: does not fit the network: 1 tensor missing/);
    const odd = { ...config, crops: { ...config.crops, size: [30, 32, 16] } };
    const wrong = await save('c', tensors, { kind: 'finetune', config: JSON.stringify(odd) });
    await expect(exportOnnx({ file: wrong, out })).rejects.toThrow(
      /crops\.size: every axis must be a multiple of 16 for unet3d, is 30×32×16/,
    );
    await expect(command(wrong, '--out', out, '--branch', 'student')).rejects.toThrow(UsageError);
    await expect(command(wrong, '--out', `${out}.pt`, '--config', 'x')).rejects.toThrow(/--config is for ONNX only/);
    await expect(command(wrong, '--out', out, '--to', 'tflite')).rejects.toThrow(/pt, safetensors, onnx or nnssl/);
    expect(readdirSync(folder)).not.toContain('out');
  });
});
