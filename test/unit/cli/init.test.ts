import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loadConfig, type Config } from '../../../src/config';
import { killChildren, voco, type Finished } from '../../support/trainer';

vi.setConfig({ testTimeout: 60_000 });

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'voco-init-'));
});
afterEach(() => rmSync(root, { recursive: true }));
afterAll(() => killChildren());

function put(path: string, content: string | Uint8Array = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

async function init(...args: string[]): Promise<{ result: Finished; data: Config['data'] }> {
  const result = await voco(['init', 'own.voco.json', '--preset', 'demo', ...args], root);
  expect(result.code, result.stderr).toBe(0);
  return { result, data: (await loadConfig(join(root, 'own.voco.json'))).config.data };
}

it('knows lists by what they are, and splits those without held-out cases', async () => {
  put('paths.txt', 'ct/1.nii.gz\nct/2.nii.gz\nct/3.nii.gz\n');
  const { result, data } = await init('--data', 'paths.txt');
  expect(result.stderr).toBe('paths.txt: datalist, 3 cases\n');
  expect(data).toMatchObject({
    train: [{ datalist: join(root, 'paths.txt'), key: 'training' }],
    validation: [],
    validationFraction: 0.2,
  });
});

it('takes the one list that is there, whatever its encoding', async () => {
  const list = { train: [{ image: 'a.mha' }, { image: 'b.mha' }], validation: [{ image: 'c.mha' }] };
  put('lists/cohort.json', Buffer.from(`\uFEFF${JSON.stringify(list)}`, 'utf16le'));
  const { result, data } = await init('--data', 'lists/cohort.json');
  expect(result.stderr).toBe('lists/cohort.json: datalist, 2 cases in "train", 1 in "validation"\n');
  const datalist = join(root, 'lists/cohort.json');
  expect(data.train).toEqual([{ datalist, key: 'train' }]);
  expect(data.validation).toEqual([{ datalist, key: 'validation' }]);
});

it('says which channels a data set of nnU-Net has, and takes the one that is asked for', async () => {
  for (const name of ['k', 'l']) for (const channel of [0, 1]) put(`Dataset9/imagesTr/${name}_000${channel}.nrrd`);
  put('Dataset9/dataset.json', '{ "channel_names": { "0": "CT", "1": "PET" }, "labels": {}, "file_ending": ".nrrd" }');
  const { result } = await init('--data', 'Dataset9');
  expect(result.stderr.split('\n')).toEqual([
    'Dataset9: nnU-Net data set, 2 cases of 2 channels (0 CT, 1 PET)',
    'choose one of the 2 channels with "channel" in the source, or with --channel',
    '',
  ]);
  const { data } = await init('--data', 'Dataset9', '--channel', '1', '--force');
  expect(data.train).toEqual([{ folder: join(root, 'Dataset9'), channel: 1 }]);
  const refused = await voco(['init', 'b.voco.json', '--data', 'Dataset9', '--channel', '2'], root);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('each case has 2 channels') });
});

it('writes the path from the folder of the config, and says what is wrong there', async () => {
  put('ct/a.nii');
  mkdirSync(join(root, 'configs'));
  const made = await voco(['init', 'configs/a.voco.json', '--data', 'ct'], root);
  expect(made.stderr).toBe('../ct: 1 volume\n');
  expect(readFileSync(join(root, 'configs/a.voco.json'), 'utf8')).toContain('"folder": "../ct"');
  put('broken.json', '[1,');
  expect((await init('--data', 'broken.json')).result.stderr).toMatch(/^warning: .*broken\.json: not valid JSON/);
  expect((await init('--data', 'later', '--force')).result.stderr).toBe('later: nothing is there yet\n');
});

it('writes a path from the folder of the config, as paths in it start there', async () => {
  put('ct/1.nii.gz');
  mkdirSync(join(root, 'configs'));
  // A folder of the same name beside the config is not what was typed.
  put('configs/ct/2.nii.gz');
  for (const [typed, written] of [
    ['ct', { folder: '../ct' }],
    ['ct/*.nii.gz', { glob: '../ct/*.nii.gz' }],
    ['not-yet', { folder: '../not-yet' }],
    [join(root, 'ct'), { folder: join(root, 'ct') }],
  ] as const) {
    const result = await voco(['init', 'configs/own.voco.json', '--preset', 'demo', '--data', typed, '--force'], root);
    expect(result.code, result.stderr).toBe(0);
    const text = readFileSync(join(root, 'configs/own.voco.json'), 'utf8');
    expect(text).toContain(JSON.stringify(written).replace('{', '{ ').replace('}', ' }').replace('":', '": '));
  }
});

it('writes whole sentences as comments', async () => {
  await voco(['init', 'fine.voco.json', '--preset', 'demo-study'], root);
  expect(readFileSync(join(root, 'fine.voco.json'), 'utf8')).toContain('(Kumar et al. 2022)');
});

it('takes the keys of a kind along when --set changes it', async () => {
  await init();
  const file = join(root, 'own.voco.json');
  const set = ['data.preprocess.intensity.kind=zscore', 'data.preprocess.intensity.nonzero=false'];
  const { config } = await loadConfig(file, { set });
  expect(config.data.preprocess.intensity).toEqual({ kind: 'zscore', nonzero: false });
  const back = await loadConfig(file, { set: ['data.preprocess.intensity.kind=window'] });
  expect(back.config.data.preprocess.intensity).toMatchObject({ kind: 'window', low: -175 });
  await expect(loadConfig(file, { set: [...set, 'data.preprocess.intensity.low=0'] })).rejects.toThrow(/low/);
});

it('writes a fine-tuning schedule, and says in a line where there is none of the name', async () => {
  const made = await voco(['init', 'saw.voco.json', '--preset', 'btcv', '--schedule', 'sawtooth'], root);
  expect(made.code, made.stderr).toBe(0);
  const { config } = await loadConfig(join(root, 'saw.voco.json'));
  expect(config.schedule).toEqual({
    name: 'poly',
    phases: { name: 'sawtooth', decoder: 0.1, warmup: 0.1, decoderRate: 1 },
    warmupEpochs: 50,
    minLr: 0,
    power: 0.9,
  });
  expect(readFileSync(join(root, 'saw.voco.json'), 'utf8')).not.toContain('warmupEpochs');
  const misspelt = await voco(['init', 'b.voco.json', '--preset', 'btcv', '--schedule', 'sawtoth'], root);
  expect(misspelt).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "sawtooth"?') });
  const pretraining = await voco(['init', 'b.voco.json', '--task', 'mae', '--schedule', 'frozen'], root);
  expect(pretraining).toMatchObject({ code: 2, stderr: expect.stringContaining('schedules are of fine-tunings') });
});
