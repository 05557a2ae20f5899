import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SwinUnetr } from '../../../src/nets/swin-unetr/swinUnetr';
import { createEncoder } from '../../../src/nets';
import { SafetensorsFile, saveCheckpoint, writeSafetensors, type TensorEntry } from '../../../src/runs';
import { exportWeights, modelCard } from '../../../src/runs/export';
import { openWeights, withWeights } from '../../../src/runs/import';
import { ZipArchive } from '../../../src/runs/zip/archive';
import { ZipWriter } from '../../../src/runs/zip/writer';
import { UserError } from '../../../src/errors/userError';
import { temporaryFolder } from '../runs/support';
import { needs, pythonWith } from '../../support/needs';

/** Debian's, where it is: the Python of a version manager may have no PyTorch. */
const torch = pythonWith('torch');

const PYTHON_VALUES = `
import json, sys, torch
state = torch.load(sys.argv[1])
print(json.dumps({name: [str(t.dtype), list(t.shape), list(t.stride()), t.double().reshape(-1).tolist()] for name, t in state.items()}))
`;

/** All types that PyTorch and safetensors share. */
const kinds: TensorEntry[] = [
  { name: 'a.f64', dtype: 'F64', shape: [2], data: Float64Array.of(Math.PI, -1e300) },
  { name: 'a.f32', dtype: 'F32', shape: [2, 1, 2], data: Float32Array.of(0, 1.5, -2.25, 3) },
  { name: 'a.f16', dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xfbff) },
  { name: 'a.bf16', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x4049) },
  { name: 'b.i64', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 40n) },
  { name: 'b.i32', dtype: 'I32', shape: [], data: Int32Array.of(-7) },
  { name: 'b.i16', dtype: 'I16', shape: [1], data: Int16Array.of(-300) },
  { name: 'b.i8', dtype: 'I8', shape: [1], data: Int8Array.of(-5) },
  { name: 'b.u8', dtype: 'U8', shape: [1], data: Uint8Array.of(250) },
  { name: 'b.bool', dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: 'c.empty', dtype: 'F32', shape: [0, 3], data: new Float32Array(0) },
];

async function readAll(file: string): Promise<Map<string, { dtype: string; shape: readonly number[]; hex: string }>> {
  const source = await openWeights(file);
  const read = source.tensors.map(
    async ({ name, dtype, shape, read: bytes }) =>
      [name, { dtype, shape, hex: Buffer.from(await bytes()).toString('hex') }] as const,
  );
  return new Map(await Promise.all(read).finally(() => source.close()));
}

/** A checkpoint as a pre-training writes it: two encoders, projectors, optimizer state. */
async function pretrainingCheckpoint(runDir: string): Promise<string> {
  const value = (name: string, number: number): TensorEntry => ({
    ...{ name, dtype: 'F32', shape: [2], data: Float32Array.of(number, number) },
  });
  const sides = ['student', 'teacher'].flatMap((side, number) => [
    value(`${side}.swinViT.patch_embed.proj.weight`, number),
    value(`${side}.encoder1.layer.conv1.conv.weight`, number + 10),
    value(`${side}.proj_head.layer1.0.weight`, number + 20),
  ]);
  const config = {
    kind: 'pretrain',
    network: { name: 'swin-unetr', featureSize: 48 },
    data: { train: [{ datalist: '/home/somebody/ct/dataset_0.json' }] },
  };
  const metadata = { kind: 'pretrain', name: 'my-run', config: JSON.stringify(config), version: '0.1.0' };
  return saveCheckpoint(runDir, {
    step: 100,
    tensors: [...sides, value('optimizer.m.student.swinViT.patch_embed.proj.weight', 9)],
    metadata,
    metrics: { loss: 0.125 },
  });
}

describe('a PyTorch file', () => {
  test('reads back with equal bytes of every element type', async () => {
    const folder = temporaryFolder();
    const [file, out] = [join(folder, 'a.safetensors'), join(folder, 'a.pt')];
    await writeSafetensors(file, kinds);
    await exportWeights({ file, out, format: 'pt' });
    expect(await readAll(out)).toEqual(await readAll(file));
    // A second export gives the same file: nothing in it depends on the time.
    const again = join(folder, 'again.pt');
    await exportWeights({ file, out: again, format: 'pt' });
    expect(readFileSync(again).equals(readFileSync(out))).toBe(true);
  });

  needs(torch).test('PyTorch loads it with equal tensors', async () => {
    const folder = temporaryFolder();
    const [file, out] = [join(folder, 'a.safetensors'), join(folder, 'a.pt')];
    await writeSafetensors(file, kinds);
    await exportWeights({ file, out, format: 'pt' });
    const text = execFileSync(torch.python, ['-c', PYTHON_VALUES, out], { encoding: 'utf8' });
    const read = JSON.parse(text) as Record<string, [string, number[], number[], number[]]>;
    expect(Object.keys(read).sort()).toEqual(kinds.map(({ name }) => name).sort());
    expect(read['a.f64']).toEqual(['torch.float64', [2], [1], [Math.PI, -1e300]]);
    expect(read['a.f32']).toEqual(['torch.float32', [2, 1, 2], [2, 2, 1], [0, 1.5, -2.25, 3]]);
    expect(read['a.f16']).toEqual(['torch.float16', [2], [1], [1, -65504]]);
    expect(read['a.bf16']).toEqual(['torch.bfloat16', [1], [1], [3.140625]]);
    expect(read['b.i64']).toEqual(['torch.int64', [2], [1], [-1, 2 ** 40]]);
    expect(read['b.i32']).toEqual(['torch.int32', [], [], [-7]]);
    expect(read['b.i16']![3]).toEqual([-300]);
    expect(read['b.i8']![3]).toEqual([-5]);
    expect(read['b.u8']![3]).toEqual([250]);
    expect(read['b.bool']).toEqual(['torch.bool', [3], [1], [1, 0, 1]]);
    expect(read['c.empty']).toEqual(['torch.float32', [0, 3], [3, 1], []]);
  });

  test('storages begin at multiples of 64 bytes, as PyTorch maps them', async () => {
    const folder = temporaryFolder();
    const [file, out] = [join(folder, 'a.safetensors'), join(folder, 'a.pt')];
    await writeSafetensors(file, kinds);
    await exportWeights({ file, out, format: 'pt' });
    const bytes = readFileSync(out);
    const handle = await open(out);
    const archive = await ZipArchive.open(handle, out);
    for (const { name, offset } of archive.entries.values()) {
      const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
      expect([name, start % 64]).toEqual([name, 0]);
    }
    await handle.close();
  });

  test('an element type that PyTorch lacks is an error, and no file is left', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, [{ name: 'x', dtype: 'F8_E5M2', shape: [1], data: Uint8Array.of(1) }]);
    const failing = exportWeights({ file, out: join(folder, 'a.pt'), format: 'pt' });
    await expect(failing).rejects.toThrow(/x: element type F8_E5M2 cannot be written for PyTorch/);
    expect(readdirSync(folder)).toEqual(['a.safetensors']);
  });
});

describe('what of a checkpoint is exported', () => {
  test.each([
    ['student', 0],
    ['teacher', 1],
  ] as const)('the %s’s encoder in the flat layout of the released files', async (branch, number) => {
    const folder = temporaryFolder();
    const file = await pretrainingCheckpoint(join(folder, 'run'));
    const out = join(folder, 'encoder.pt');
    const report = await exportWeights({ file, out, format: 'pt', branch });
    expect(report).toMatchObject({ branch, tensors: 2, parameters: 4, leftOut: 5, card: `${out}.md` });
    await withWeights(out, undefined, async ({ tensors }) => {
      const values = tensors.map(async ({ name, read }) => [
        name,
        ...new Float32Array((await read()).buffer.slice(0, 8)),
      ]);
      expect(await Promise.all(values)).toEqual([
        ['swinViT.patch_embed.proj.weight', number, number],
        ['encoder1.layer.conv1.conv.weight', number + 10, number + 10],
      ]);
    });
  });

  test('as safetensors, without the folders of this machine', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'encoder.safetensors');
    await exportWeights({ file: await pretrainingCheckpoint(join(folder, 'run')), out, format: 'safetensors' });
    const opened = await SafetensorsFile.open(out);
    expect([...opened.header.tensors.keys()]).toEqual([
      'swinViT.patch_embed.proj.weight',
      'encoder1.layer.conv1.conv.weight',
    ]);
    expect(opened.header.metadata).toMatchObject({ format: 'pt', kind: 'pretrain', name: 'my-run', step: '100' });
    expect(readFileSync(out, 'latin1')).not.toContain('somebody');
    await opened.close();
  });

  test('a segmentation network keeps all its names', async () => {
    const folder = temporaryFolder();
    const names = new SwinUnetr(
      { name: 'swin-unetr', inChannels: 1, featureSize: 12, depths: [2, 2, 2, 2], heads: [3, 6, 12, 24], useV2: true },
      3,
      { seed: 0, describeOnly: true },
    ).parameters.layout.map(({ name }) => name);
    const tensors = names.map((name): TensorEntry => ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(1) }));
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, tensors, { format: 'voco-checkpoint', kind: 'finetune', step: '5' });
    const out = join(folder, 'a.pt');
    const { leftOut } = await exportWeights({ file, out, format: 'pt' });
    expect(leftOut).toBe(0);
    expect([...(await readAll(out)).keys()].sort()).toEqual([...names].sort());
  });

  test.each(['swin-unetr', 'unet3d'] as const)('a %s encoder’s names survive import and export', async (name) => {
    const encoder = createEncoder({ name, featureSize: 12 }, { seed: 0, describeOnly: true });
    const names = encoder.parameters.layout.map((entry) => entry.name);
    const folder = temporaryFolder();
    const tensors = names.map((entry): TensorEntry => ({
      ...{ name: `student.${entry}`, dtype: 'F32', shape: [1], data: Float32Array.of(1) },
    }));
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, tensors);
    const out = join(folder, 'a.pt');
    await exportWeights({ file, out, format: 'pt' });
    await withWeights(out, undefined, async (planned) => {
      expect(planned.tensors.map((tensor) => tensor.name).sort()).toEqual([...names].sort());
      return Promise.resolve();
    });
  });

  test('a checkpoint without that branch, and the file itself, are errors', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.safetensors');
    await writeSafetensors(file, kinds);
    const request = { file, out: join(folder, 'b.pt'), format: 'pt' } as const;
    await expect(exportWeights({ ...request, branch: 'teacher' })).rejects.toThrow(/has no teacher network/);
    await expect(exportWeights({ ...request, out: file })).rejects.toThrow(UserError);
    expect(readdirSync(folder)).toEqual(['a.safetensors']);
  });
});

describe('the model card', () => {
  test('says what the weights are, their data, scores, versions and config', async () => {
    const folder = temporaryFolder();
    const runDir = join(folder, 'run');
    const file = await pretrainingCheckpoint(runDir);
    const state = { format: 1, name: 'my-run', kind: 'pretrain', state: 'finished', step: 100, totalSteps: 100 };
    const more = { created: '2026-01-01T00:00:00Z', versions: { voco: '0.1.0', node: '20.1.0' } };
    writeFileSync(join(runDir, 'run.json'), JSON.stringify({ ...state, ...more }));
    const summary = {
      classes: [{ class: 1, name: 'spleen', scores: { dice: { mean: 0.9, low: 0.8, high: 0.95, count: 1 } } }],
      overall: {},
    };
    const cases = [{ case: 'a', image: 'a.nii.gz', classes: [] }];
    const results = {
      format: 1,
      units: { dice: '' },
      checkpoint: 'checkpoints/step-00000100.safetensors',
      cases,
      summary,
    };
    writeFileSync(join(runDir, 'results.json'), JSON.stringify(results));
    const out = join(folder, 'out', 'encoder.pt');
    mkdirSync(join(folder, 'out'));
    const countCases = () => Promise.resolve({ train: 24, validation: 6 });
    const { card } = await exportWeights({ file, out, format: 'pt', countCases });
    const text = readFileSync(card, 'utf8');
    for (const part of [
      '# my-run',
      '| Network | swin-unetr, feature size 48 |',
      '| Optimizer steps | 100 |',
      '| Parameters | 4 |',
      '24 volumes to train on, 6 held out.',
      '| loss | 0.1250 |',
      '| spleen | 0.9000 (0.8000 to 0.9500) |',
      'voco 0.1.0, node 20.1.0',
      'torch.load("encoder.pt"',
      '"datalist": "dataset_0.json"',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('somebody');
  });

  test('of weights of which nothing is known', () => {
    const facts = { file: 'a.safetensors', tensors: 1, parameters: 1, modules: {}, metadata: {}, branch: null };
    const text = modelCard({ ...facts, metrics: {}, versions: {} });
    expect(text).toContain('# a.safetensors');
    expect(text).toContain('Not recorded.');
    expect(text).not.toMatch(/undefined|NaN|null/);
    expect(text).toContain('load_file("a.safetensors")');
    for (const file of ['a.pt', 'a.pth'])
      expect(modelCard({ ...facts, file, metrics: {}, versions: {} })).toContain(`torch.load("${file}"`);
  });
});

describe('a large zip file', () => {
  test('has zip64 records, which read back', async () => {
    const file = join(temporaryFolder(), 'many.zip');
    const handle = await open(file, 'wx+');
    const writer = new ZipWriter(handle);
    const count = 65_600;
    const content = Uint8Array.of(7);
    for (let i = 0; i < count; i++) await writer.add(`d/${i}`, content);
    await writer.finish();
    const archive = await ZipArchive.open(handle, file);
    expect(archive.entries.size).toBe(count);
    expect(await archive.read(archive.entries.get('d/65599')!)).toEqual(content);
    await handle.close();
  });

  test('beyond four gigabytes, without writing them', async () => {
    const file = join(temporaryFolder(), 'sparse.zip');
    const handle = await open(file, 'wx+');
    // A hole of 4.5 GB that takes no disk: only the offsets behind it matter.
    const hole = 4_500_000_000;
    const writer = new ZipWriter(handle, hole);
    await writer.add('a', Uint8Array.of(1, 2, 3));
    await writer.finish();
    expect(statSync(file).size).toBeGreaterThan(hole);
    const archive = await ZipArchive.open(handle, file);
    expect(archive.entries.get('a')!.offset).toBe(hole);
    expect(await archive.read(archive.entries.get('a')!)).toEqual(Uint8Array.of(1, 2, 3));
    await handle.close();
  });
});

test('nothing is written where the folder cannot be', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'a.safetensors');
  await writeSafetensors(file, kinds);
  const out = join(file, 'b.pt');
  await expect(exportWeights({ file, out, format: 'pt' })).rejects.toThrow(UserError);
  expect(existsSync(`${out}.md`)).toBe(false);
});
