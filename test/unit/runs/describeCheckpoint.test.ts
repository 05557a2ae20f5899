import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { saveCheckpoint } from '../../../src/runs/checkpoint';
import { describeCheckpoint, statisticsOf, tensorStatistics } from '../../../src/runs/describeCheckpoint';
import { moduleTree, visibleNodes } from '../../../webview/checkpoint/modules';
import { newRun, temporaryFolder } from './support';

const f32 = (name: string, shape: number[], data: number[]) => ({
  name,
  dtype: 'F32' as const,
  shape,
  data: Float32Array.from(data),
});

async function checkpoint(): Promise<string> {
  const dir = await newRun(temporaryFolder(), 'trial');
  return saveCheckpoint(dir, {
    step: 40,
    tensors: [f32('student.conv.weight', [2, 2], [-1, 0, 1, NaN]), f32('optimizer.m', [3], [1, 2, 3])],
    metadata: { kind: 'pretrain', config: '{"name":"trial","network":{"name":"swin-unetr","featureSize":12}}' },
    metrics: { loss: 0.5 },
  });
}

describe('a checkpoint file', () => {
  it('tells what it is, where it came from and what is in it', async () => {
    const file = await checkpoint();
    const found = await describeCheckpoint(file);
    const facts = Object.fromEntries(found.facts.map(({ name, text }) => [name, text]));
    expect(facts).toMatchObject({ Kind: 'pretrain', Step: '40 of 100', Network: 'swin-unetr, feature size 12' });
    expect(facts.Run).toMatch(/^trial-/);
    expect(found.scores).toEqual({ loss: 0.5 });
    expect(found.tensors).toContainEqual({ name: 'student.conv.weight', dtype: 'F32', shape: [2, 2], bytes: 16 });
    expect(found.metadata.find(({ name }) => name === 'config')?.text).toContain('\n  "name": "trial"');
    expect(found.usable).toBe(true);
  });

  it('gives the numbers of one tensor', async () => {
    const file = await checkpoint();
    const statistics = await tensorStatistics(file, 'student.conv.weight');
    expect(statistics).toMatchObject({ count: 4, nan: 1, infinite: 0, zeros: 1, minimum: -1, maximum: 1, mean: 0 });
    expect(statistics.deviation).toBeCloseTo(Math.sqrt(2 / 3));
    expect(statistics.bins.reduce((a, b) => a + b)).toBe(3);
    await expect(tensorStatistics(file, 'gone')).rejects.toThrow(/no tensor named "gone"/);
  });

  it('of PyTorch is read without executing anything in it', async () => {
    const file = resolve('test/support/torch/zip.pt');
    const found = await describeCheckpoint(file);
    expect(found.usable).toBe(false);
    expect(found.tensors.length).toBeGreaterThan(3);
    for (const { name, dtype, shape } of found.tensors.filter((tensor) => !tensor.dtype.startsWith('F8'))) {
      const { count } = await tensorStatistics(file, name);
      expect(count, `${name} ${dtype}`).toBe(shape.reduce((a, b) => a * b, 1));
    }
  });

  it('that is broken is refused in a sentence', async () => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'x.safetensors');
    writeFileSync(file, 'not weights at all');
    await expect(describeCheckpoint(file)).rejects.toThrow(/x\.safetensors/);
  });
});

describe('statistics', () => {
  it('of nothing finite are not numbers, and of one value a single bin', () => {
    expect(statisticsOf(Float32Array.of(NaN, Infinity))).toMatchObject({ nan: 1, infinite: 1, minimum: NaN });
    const same = statisticsOf(Float32Array.of(2, 2, 2));
    expect(same).toMatchObject({ minimum: 2, maximum: 2, mean: 2, deviation: 0 });
    expect(same.bins[0]).toBe(3);
  });
});

describe('the tree of modules', () => {
  const tensor = (name: string, shape: number[]) => ({
    name,
    dtype: 'F32',
    shape,
    bytes: 4 * shape.reduce((a, b) => a * b, 1),
  });
  const root = moduleTree([
    tensor('net.encoder.conv.weight', [2, 3]),
    tensor('net.encoder.conv.bias', [2]),
    tensor('net.head', [5]),
    tensor('scale', []),
  ]);

  it('adds up parameters and bytes, and shows a module of one module together with it', () => {
    expect(root).toMatchObject({ tensors: 4, parameters: 14, bytes: 56 });
    const [net] = root.children;
    expect(net!.children.map(({ label }) => label)).toEqual(['encoder.conv', 'head']);
  });

  it('shows what is open, and what a search finds', () => {
    expect(visibleNodes(root, new Set(), '').map(({ node }) => node.label)).toEqual(['net', 'scale']);
    const open = visibleNodes(root, new Set(['net']), '');
    expect(open.map(({ level }) => level)).toEqual([1, 2, 2, 1]);
    const found = visibleNodes(root, new Set(), 'BIAS');
    expect(found.map(({ node }) => node.path)).toEqual(['net', 'net.encoder.conv', 'net.encoder.conv.bias']);
  });
});
