import type { VocoConfig } from '../../../src/pretext/voco/config';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { diagnose, loadConfig } from '../../../src/config';
import { UsageError } from '../../../src/errors/userError';

const folder = mkdtempSync(join(tmpdir(), 'voco-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'a.voco.json');

function write(text: string | object): string {
  writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
  return file;
}

const minimal = { kind: 'pretrain', data: { train: [{ folder: 'imagesTr' }] } };

async function load(text: string | object, set: string[] = []): Promise<VocoConfig> {
  return (await loadConfig(write(text), { set, kind: 'pretrain' })).config as VocoConfig;
}

/** The lines of the error, without the folder. */
async function errors(text: string | object, set: string[] = []): Promise<string[]> {
  const error: unknown = await loadConfig(write(text), { set }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UsageError);
  return (error as Error).message.split('\n').map((line) => line.replace(file, 'a.voco.json'));
}

describe('loadConfig', () => {
  test('fills in every default and makes paths absolute', async () => {
    const config = await load(minimal);
    expect(config.data.train).toEqual([{ folder: join(folder, 'imagesTr') }]);
    expect(config.output).toBe(join(folder, 'runs'));
    expect(config.data.cache).toEqual({ enabled: true, folder: null });
    expect(config.data.preprocess.intensity).toEqual({ kind: 'window', low: -175, high: 250, to: [0, 1], clip: true });
    expect(config.method.augment.shiftIntensity).toEqual({ prob: 0.1, offset: 0.1 });
    expect(config.network).toMatchObject({ heads: [3, 6, 12, 24] });
    expect(config.train.initFrom).toBeNull();
  });

  test('a config with all defaults written out loads to itself', async () => {
    const config = await load(minimal);
    expect(await load(config)).toEqual(config);
  });

  test('defaults are fresh for each load', async () => {
    (await load(minimal)).method.grid[0] = 99;
    expect((await load(minimal)).method.grid).toEqual([4, 4, 1]);
  });

  test('comments, trailing commas, a byte-order mark, defaults of the chosen kinds', async () => {
    const config = await load(`\uFEFF{ // what
      "kind": "pretrain", /* where */
      "data": { "train": [{ "datalist": "~/d.json" }, { "glob": "/ct/**/*.nii.gz", },],
                "preprocess": { "intensity": { "kind": "zscore" }, "foreground": {} } },
    }`);
    expect(config.data.train).toEqual([
      { datalist: join(homedir(), 'd.json'), key: 'training' },
      { glob: '/ct/**/*.nii.gz' },
    ]);
    expect(config.data.preprocess.intensity).toEqual({ kind: 'zscore', nonzero: true });
    expect(config.data.preprocess.foreground).toEqual({ threshold: 0.3 });
  });

  test('warnings do not stop it', async () => {
    const { warnings } = await loadConfig(write({ ...minimal, train: { steps: 100 } }));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/schedule.warmupSteps: warm-up takes 5000 steps, the whole run only 100/);
  });
});

describe('--set', () => {
  test('values are JSON, else text; lists and objects on the way are made', async () => {
    const config = await load(minimal, [
      'train.steps=10000',
      'method.grid[2]=1',
      'method.grid[0]=3',
      'device=webgpu:1',
      'name=007',
      'optimizer.clipNorm=1.5',
      'data.preprocess.spacing=[1,1,2.5]',
      'data.train[1].folder=more',
      'network.useV2=false',
    ]);
    expect(config.train.steps).toBe(10000);
    expect(config.method.grid).toEqual([3, 4, 1]);
    expect([config.device, config.name, config.optimizer.clipNorm]).toEqual(['webgpu:1', '007', 1.5]);
    expect(config.data.preprocess.spacing).toEqual([1, 1, 2.5]);
    expect(config.data.train[1]).toEqual({ folder: join(folder, 'more') });
    expect(config.network).toMatchObject({ useV2: false });
  });

  test.each([
    ['train.step=5', '--set train.step=5: train.step: unknown key; did you mean "steps"?'],
    ['train.steps=many', '--set train.steps=many: train.steps: must be a whole number, is "many"'],
    ['train.steps', '--set train.steps: write it as path=value, as in train.steps=1000'],
    ['a..b=1', '--set a..b=1: "a..b" is not a path; write it as in method.grid[0]=3'],
    ['__proto__.x=1', '--set __proto__.x=1: "__proto__.x" is not a path; write it as in method.grid[0]=3'],
    ['kind.x=1', '--set kind.x=1: kind is not an object'],
    ['data.train[7].folder=x', '--set data.train[7].folder=x: data.train is not a list with at least 7 item(s)'],
  ])('%s', async (set, message) => {
    expect(await errors(minimal, [set])).toEqual([message]);
  });
});

const pretty = (config: object) => JSON.stringify({ kind: 'pretrain', ...config }, null, 1);
const train = [{ folder: 'a' }];

describe('errors name file, line, column, path and what to do', () => {
  test.each<[string, string | object, string[]]>([
    [
      'misspelt key',
      pretty({ data: { train, preproces: {} } }),
      ['9:3: data.preproces: unknown key; did you mean "preprocess"?'],
    ],
    ['case', pretty({ data: { train }, Seed: 1 }), ['10:2: Seed: unknown key; did you mean "seed"?']],
    [
      'key elsewhere',
      pretty({ data: { train }, spacing: 1 }),
      ['10:2: spacing: unknown key; it belongs at data.preprocess.spacing'],
    ],
    [
      'misspelt value',
      { ...minimal, method: { objective: 'tpmi' } },
      [
        'method.objective: must be "cvpr-paper", "voco-10k", "tpami", "softmax" or "nnssl", is "tpmi"; did you mean "tpami"?',
      ],
    ],
    ['a GPU', { ...minimal, device: 'gpu' }, ['did you mean "webgpu"?']],
    ['one of two GPUs', { ...minimal, device: 'GPU:1' }, ['did you mean "webgpu:1"?']],
    ['another name of a device', { ...minimal, device: 'mkldnn' }, ['did you mean "onednn"?']],
    ['misspelt device', { ...minimal, device: 'web-gpu' }, ['did you mean "webgpu"?']],
    [
      'misspelt kind',
      { ...minimal, kind: 'pretrian' },
      ['kind: must be "pretrain" or "finetune", is "pretrian"; did you mean "pretrain"?'],
    ],
    [
      'number',
      pretty({ data: { train, preprocess: { spacing: [1, -1, 1] } } }),
      ['12:5: data.preprocess.spacing[1]: must be more than 0, is -1'],
    ],
    ['items', { ...minimal, method: { grid: [4, 4] } }, ['method.grid: must have 3 item(s), has 2']],
    ['too many items', { ...minimal, method: { grid: [4, 4, 1, 1] } }, ['method.grid: must have 3 item(s), has 4']],
    ['fraction', { ...minimal, train: { batch: 2.5 } }, ['train.batch: must be a whole number, is 2.5']],
    ['no batch', { ...minimal, train: { batch: 0 } }, ['train.batch: must be 1 or more, is 0']],
    ['null', { ...minimal, train: null }, ['train: must be an object { … }, is null']],
    ['no source', { kind: 'pretrain', data: { train: [] } }, ['data.train: must have at least 1 item(s), has 0']],
    [
      'source',
      { kind: 'pretrain', data: { train: [{ path: 'x' }] } },
      ['data.train[0]: must be { "datalist": … }, { "folder": … } or { "glob": … }, is {"path":"x"}'],
    ],
    [
      'source as text',
      { kind: 'pretrain', data: { train: ['x'] } },
      ['data.train[0]: must be { "datalist": … }, { "folder": … } or { "glob": … }, is "x"'],
    ],
    [
      'key of a source',
      { kind: 'pretrain', data: { train: [{ folder: 'x', key: 'y' }] } },
      ['data.train[0].key: unknown key; known keys here: folder, name'],
    ],
    [
      'intensity',
      { ...minimal, data: { train, preprocess: { intensity: { kind: 'windw' } } } },
      [
        'data.preprocess.intensity: must be { "kind": "window" }, { "kind": "zscore" }, { "kind": "percentile" } or null, is {"kind":"windw"}',
      ],
    ],
    [
      'channel',
      { ...minimal, data: { train, channel: 'al' } },
      ['data.channel: must be a channel number from 0, "all" or "random", is "al"; did you mean "all"?'],
    ],
    [
      'orientation',
      { ...minimal, data: { train, preprocess: { orientation: 'RLS' } } },
      ['data.preprocess.orientation: must be three letters such as "RAS"'],
    ],
    ['name', { ...minimal, name: '../x' }, ['name: must be letters, digits']],
    [
      'missing',
      { kind: 'pretrain' },
      ['1:1: "data" is missing, for example "data": {"train":[{"folder":"imagesTr"}]}'],
    ],
    [
      'two',
      { ...minimal, seed: -1, sed: 1 },
      ['seed: must be 0 or more, is -1', 'sed: unknown key; did you mean "seed"?'],
    ],
    [
      'twice',
      '{"kind":"pretrain","seed":1,"seed":2,"data":{"train":[{"folder":"x"}]}}',
      ['1:29: seed: this key is given twice'],
    ],
    ['empty', '', ['1:1: the file is empty']],
    ['comment only', '// x', ['1:5: a value is expected here']],
    ['list', '[1]', ['1:1: a config must be an object']],
    ['single quotes', "{\n 'kind': 1}", ['2:2: ']],
    ['not closed', '{"kind": "pretrain",\n "data": {', ['2:11: a closing } is missing']],
    ['binary', '\u0000\u0001\u0002', ['1:1: this is not JSON']],
  ])('%s', async (_, text, expected) => {
    const lines = await errors(text);
    expected.forEach((part, index) => {
      expect(lines[index]).toContain(part);
      expect(lines[index]).toMatch(/^a\.voco\.json:\d+:\d+: /);
    });
  });

  test('a file that is not there or is a folder', async () => {
    const missing = loadConfig(join(folder, 'no.voco.json'));
    await expect(missing).rejects.toThrow(/no\.voco\.json: cannot read the config: no such file/);
    await expect(loadConfig(folder)).rejects.toThrow(UsageError);
    await expect(loadConfig(folder)).rejects.toThrow(/is a directory/);
  });
});

describe('rules between keys', () => {
  const cases: [string, object, string, string][] = [
    [
      'grid × crop',
      { method: { crop: [97, 96, 96] } },
      'method.crop',
      "4×4×1 crops of 97×96×96 need 388×384×96 voxels, more than the volume's 384×384×96 along x",
    ],
    ['one base', { method: { grid: [1, 1, 1] } }, 'method.grid', 'one base crop'],
    ['input', { method: { input: [64, 64, 48] } }, 'method.input', 'multiple of 32'],
    ['input of one voxel', { method: { input: [32, 32, 32] } }, 'method.input', 'single voxel'],
    ['heads', { network: { featureSize: 20 } }, 'network.heads[0]', '3 heads do not divide the 20 channels of stage 1'],
    ['channels', { network: { inChannels: 4 } }, 'network.inChannels', 'one channel is taken'],
    [
      'window',
      { data: { train, preprocess: { intensity: { kind: 'window', low: 300 } } } },
      'data.preprocess.intensity.high',
      'must end above its start',
    ],
    [
      'foreground',
      { data: { train, preprocess: { foreground: { threshold: 1 } } } },
      'data.preprocess.foreground.threshold',
      'no voxel is above 1',
    ],
    ['minLr', { schedule: { minLr: 1 } }, 'schedule.minLr', 'above optimizer.lr'],
    ['bf16', { precision: 'bf16', device: 'wasm' }, 'precision', 'no bf16: use "float32" or device "onednn"'],
    ['bf16 on a GPU', { precision: 'bf16', device: 'webgpu:1' }, 'precision', 'device webgpu:1 has no bf16'],
    [
      'float16',
      { precision: 'float16', device: 'onednn' },
      'precision',
      'no float16: use "float32" or device "webgpu"',
    ],
  ];
  test.each(cases)('%s', (_, part, path, message) => {
    const found = diagnose(JSON.stringify({ ...minimal, ...part }), 'f').filter(({ severity }) => severity === 'error');
    expect(
      found
        .filter((diagnostic) => diagnostic.path.startsWith(path))
        .map((d) => d.message)
        .join(),
    ).toContain(message);
  });

  test.each([
    ['unresized', { data: { train, preprocess: { resize: null } } }, 'at least 384×384×96 voxels'],
    [
      'uncovered',
      { method: { crop: [90, 96, 96], input: [64, 64, 64] } },
      'no base crop covers the last 24 of 384 voxels along x',
    ],
    ['enlarged', { method: { grid: [8, 8, 2], crop: [48, 48, 48] } }, 'enlarged to 64×64×64'],
    ['tpami with one volume', { method: { objective: 'tpami' }, train: { batch: 1 } }, 'no contrast between volumes'],
    ['two validations', { data: { train, validation: train, validationFraction: 0.1 } }, 'unused'],
  ])('warns: %s', (_, part, message) => {
    const found = diagnose(JSON.stringify({ ...minimal, ...part }), 'f');
    expect(found.map(({ severity }) => severity)).toEqual(['warning']);
    expect(found[0]!.message).toContain(message);
  });

  test('unet3d takes multiples of 16', () => {
    const config = { ...minimal, network: { name: 'unet3d', featureSize: 20 }, method: { input: [48, 48, 48] } };
    expect(diagnose(JSON.stringify(config), 'f')).toEqual([]);
  });
});

describe('diagnose', () => {
  function applyFix(text: string): string {
    const { fix } = diagnose(text, 'f').find((diagnostic) => diagnostic.fix)!;
    return [...fix!.edits]
      .sort((a, b) => b.offset - a.offset)
      .reduce((now, { offset, length, text: put }) => now.slice(0, offset) + put + now.slice(offset + length), text);
  }

  test.each([
    { ...minimal, sed: 1 },
    { ...minimal, method: { objective: 'cvpr' } },
    { ...minimal, method: { crop: [100, 100, 100] } },
    { ...minimal, method: { input: [64, 64, 60] } },
    { ...minimal, network: { inChannels: 2 } },
    { ...minimal, network: { featureSize: 50 } },
    { ...minimal, schedule: { minLr: 1 } },
  ])('its fix leaves no error: %j', (config) => {
    const fixed = applyFix(JSON.stringify(config, null, 2));
    expect(diagnose(fixed, 'f').filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  test('positions are those of the key or the value', () => {
    const text = '{ "kind": "pretrain", "sed": 1, "threads": -2, "data": { "train": [{ "folder": "x" }] } }';
    const spans = diagnose(text, 'f').map(({ offset, length }) => text.slice(offset, offset + length));
    expect(spans).toEqual(['"sed"', '-2']);
  });

  test('unknown keys are still shown while the text is being typed', () => {
    const found = diagnose('{ "kind": "pretrain", "sed": 1, "data": ', 'f');
    expect(found.map(({ message }) => message).join()).toContain('did you mean "seed"');
  });
});
