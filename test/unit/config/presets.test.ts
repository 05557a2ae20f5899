import { parse } from 'jsonc-parser';
import type { FinetuneConfig } from '../../../src/config';
import type { VocoConfig } from '../../../src/pretext/voco/config';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { check } from '../../../src/config/diagnose';
import { diagnose, loadConfig, presetConfig, presetNames, presetText } from '../../../src/config';

describe.each(presetNames)('preset %s', (name) => {
  test('has no error, and says nothing of unused voxels that its source does not have', () => {
    const found = diagnose(presetText(name), 'x.voco.json');
    expect(found.map(({ message }) => message)).toEqual([]);
  });

  test('its commented text loads to the same config', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'voco-preset-'));
    const file = join(folder, 'a.voco.json');
    await writeFile(file, presetText(name, { data: 'imagesTr' }));
    const { config } = await loadConfig(file);
    const expected = presetConfig(name, { data: join(folder, 'imagesTr') });
    expect(config).toEqual({ ...expected, output: join(folder, 'runs') });
    await rm(folder, { recursive: true });
  });

  test('every key of its text has a comment', () => {
    const lines = presetText(name).split('\n');
    const keys = lines
      .map((line, index) => ({ line, before: lines[index - 1] ?? '' }))
      .filter(({ line }) => /^ +"/.test(line));
    expect(keys.length).toBeGreaterThan(40);
    for (const { line, before } of keys) expect(`${before}\n${line}`).toMatch(/\/\/ \S/);
  });
});

test('figures of the released code', () => {
  const { method, train, data, optimizer, schedule } = presetConfig('voco-10k');
  expect(method).toMatchObject({
    grid: [4, 4, 1],
    crop: [96, 96, 96],
    input: [64, 64, 64],
    randomCrops: 2,
    teacherMomentum: 0.9,
  });
  expect(data.preprocess.resize).toEqual([384, 384, 96]);
  expect([train.steps, schedule.warmupSteps, optimizer.lr, optimizer.weightDecay]).toEqual([250000, 5000, 1e-4, 0.01]);
  const tpami = presetConfig('tpami') as VocoConfig;
  expect(tpami.method.grid).toEqual([3, 3, 1]);
  expect(tpami.data.preprocess.resize).toEqual([192, 192, 64]);
  expect(tpami.method.projector).toEqual({ hidden: 1024, out: 1024, norm: 'batch' });
  expect(tpami.method.augment).toMatchObject({ flip: 0.2, rotate90: 0.2, shiftIntensity: { prob: 0.5, offset: 0.1 } });
});

test('figures of the released fine-tuning scripts', () => {
  const figures = (name: Parameters<typeof presetConfig>[0]): unknown[] => {
    const config = presetConfig(name) as FinetuneConfig;
    const { crops, train, schedule, augment, optimizer } = config;
    const changes = [augment.flip, augment.rotate90, augment.scaleIntensity.prob, augment.shiftIntensity.prob];
    const ratio = [crops.positive, crops.negative];
    return [train.epochs, schedule.warmupEpochs, optimizer.lr, crops.size[0], crops.perVolume, ratio, changes];
  };
  expect(figures('btcv')).toEqual([1000, 20, 3e-4, 96, 4, [9, 1], [0.2, 0.2, 0.1, 0.5]]);
  expect(figures('lits')).toEqual([500, 5, 3e-4, 96, 2, [1, 1], [0.2, 0.2, 0, 0.1]]);
  expect(figures('spleen')).toEqual([500, 5, 3e-4, 96, 4, [3, 1], [0.2, 0.2, 0, 0.1]]);
  expect(figures('mm-whs')).toEqual([500, 50, 3e-4, 64, 4, [9, 1], [0.2, 0.2, 0, 0]]);
  expect(figures('brats21')).toEqual([100, 5, 3e-4, 128, 1, [1, 1], [0.1, 0, 0, 0]]);
});

test('data can be a datalist, a folder or a pattern', () => {
  expect(presetConfig('small', { data: 'a/list.json' }).data.train).toEqual([
    { datalist: 'a/list.json', key: 'training' },
  ]);
  expect(presetConfig('small', { data: 'a' }).data.train).toEqual([{ folder: 'a' }]);
  expect(presetConfig('small', { data: 'a/*.nii' }).data.train).toEqual([{ glob: 'a/*.nii' }]);
  expect(presetConfig('demo', { data: 'l.json' }).data.validation).toEqual([{ datalist: 'l.json', key: 'validation' }]);
  expect(presetConfig('demo', { data: 'folder' }).data.validationFraction).toBe(0.2);
});

test('brats21 holds out the first fold of the released list, and a share of other data', () => {
  const { data } = presetConfig('brats21', { data: 'dataset_0.json' });
  expect(data.train).toEqual([{ datalist: 'dataset_0.json', key: 'training', folds: [1, 2, 3, 4] }]);
  expect(data.validation).toEqual([{ datalist: 'dataset_0.json', key: 'training', folds: [0] }]);
  const folder = presetConfig('brats21', { data: 'imagesTr' }).data;
  expect([folder.train, folder.validation, folder.validationFraction]).toEqual([[{ folder: 'imagesTr' }], [], 0.2]);
});

test('data that were looked at give lists that are there, folds where entries have them, and a channel', () => {
  const list = presetConfig('demo', {
    data: 'a.json',
    found: { list: true, keys: ['test', 'validation'], folds: false },
  });
  expect(list.data.train).toEqual([{ datalist: 'a.json', key: 'test' }]);
  expect(list.data.validation).toEqual([{ datalist: 'a.json', key: 'validation' }]);
  const { data } = presetConfig('brats21', { data: 'a.json', found: { list: true, keys: ['training'], folds: false } });
  expect([data.train, data.validation]).toEqual([[{ datalist: 'a.json', key: 'training' }], []]);
  expect(data.validationFraction).toBe(0.2);
  const folder = presetConfig('small', { data: 'a*b.json', found: { list: false }, channel: 2 });
  expect(folder.data.train).toEqual([{ folder: 'a*b.json', channel: 2 }]);
  expect(presetConfig('small', { data: 'a.tsv' }).data.train).toEqual([{ datalist: 'a.tsv', key: 'training' }]);
});

test('the two presets of the demo study are of one network and one grey scale, and a step needs one pass', () => {
  const [pre, fine] = [presetConfig('demo-unet') as VocoConfig, presetConfig('demo-study')];
  expect(fine.network).toEqual(pre.network);
  const { intensity, foreground, orientation } = fine.data.preprocess;
  expect({ intensity, foreground, orientation }).toEqual({
    intensity: pre.data.preprocess.intensity,
    foreground: pre.data.preprocess.foreground,
    orientation: pre.data.preprocess.orientation,
  });
  const { grid, crop, input, randomCrops } = pre.method;
  expect(input).toEqual(crop);
  expect(grid.map((count, axis) => count * crop[axis]!)).toEqual(pre.data.preprocess.resize);
  expect(pre.train.microBatch).toBe(randomCrops + grid[0] * grid[1] * grid[2]);
  // The pretext task tells left from right, so nothing may be mirrored on either side.
  for (const { augment } of [pre.method, fine]) expect([augment.flip, augment.rotate90]).toEqual([0, 0]);
});

test('a file has only the settings that its optimizer and its schedule look at', () => {
  const keysOf = (text: string, section: string) => Object.keys((parse(text) as Record<string, object>)[section]!);
  const sgd = presetText('spark');
  expect(keysOf(sgd, 'optimizer')).toEqual(['name', 'lr', 'weightDecay', 'momentum', 'nesterov', 'clipNorm']);
  expect(keysOf(sgd, 'schedule')).toContain('power');
  const adamw = presetText('voco-10k');
  expect(keysOf(adamw, 'optimizer')).toEqual(['name', 'lr', 'weightDecay', 'betas', 'eps', 'amsgrad', 'clipNorm']);
  expect(keysOf(adamw, 'schedule')).not.toContain('power');
});

test('a preset takes the nearest size of crops that another network can take', () => {
  const jigsaw = presetConfig('jigsaw', { network: 'primus' });
  expect(check(jigsaw).problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(jigsaw.network.name).toBe('primus');
});

test('a network brings its authors’ optimizer, and a rise of the rate, into presets of other networks', () => {
  const authors = { name: 'adamw', weightDecay: 0.05, betas: [0.9, 0.98], amsgrad: false, clipNorm: 1 };
  for (const [preset, lr, warmupSteps, size] of [
    ['mae', 3e-4, 12500, 160],
    ['rotation', 3e-4, 12500, 96],
    ['genesis-small', 5e-4, 500, 64],
    ['simclr-demo', 1e-3, 10, 32],
  ] as const) {
    const { network, optimizer, schedule } = presetConfig(preset, { network: 'primus' });
    expect(optimizer, preset).toMatchObject({ ...authors, lr });
    expect(schedule.warmupSteps, preset).toBe(warmupSteps);
    expect(schedule.name, preset).not.toBe('constant');
    // Built for the crops of the preset.
    expect(network, preset).toMatchObject({ name: 'primus', crop: [size, size, size] });
  }
  const own = presetConfig('mae-primus', {});
  expect(own.method).toMatchObject({ crop: [160, 160, 160], block: 8, ratio: 0.75 });
  expect(own.optimizer).toMatchObject({ ...authors, lr: 3e-4 });
  expect(presetConfig('mae', {}).optimizer.name).toBe('sgd');
});

test('a fine-tuning from a checkpoint has the optimizer of its network', () => {
  const network = presetConfig('mae-demo', { network: 'primus' }).network;
  const from = { checkpoint: 'a.safetensors', network, size: [32, 32, 32] as [number, number, number] };
  const tuned = presetConfig('demo-finetune', { from });
  expect(tuned.optimizer).toMatchObject({ weightDecay: 0.05, betas: [0.9, 0.98], clipNorm: 1 });
  expect(tuned.network).toMatchObject({ name: 'primus', crop: [32, 32, 32] });
});

test('a network that cannot learn a task is refused in a line, with the reason and those that can', () => {
  const line =
    /^network\.name: simmim cannot be learnt by unet3d, which has no tokens that can be replaced; networks that can: swin-unetr/;
  expect(() => presetConfig('simmim', { network: 'unet3d' })).toThrow(line);
});

test('a refused pair has a quick fix, with what both networks have and the config sets', () => {
  const network = { name: 'swin-unetr', featureSize: 24, depths: [1, 1, 1, 1], inChannels: 1 };
  const config = { ...presetConfig('spark', {}), network };
  const found = check(config).problems.find(({ path }) => path.join('.') === 'network.name');
  expect(found?.message).toMatch(/^spark cannot be learnt by swin-unetr, which .*; networks that can: unet3d/);
  const path = ['network'];
  expect(found?.fix).toEqual({ title: 'Change to "unet3d"', path, value: { name: 'unet3d', featureSize: 24 } });
});
