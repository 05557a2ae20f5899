import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, type Diagnostic } from '../../../src/config';
import { makePhantom, makeTaskPhantom } from '../../../src/data/phantom';
import { configOfText } from '../../../src/config/ofText';
import { FileFacts, type Looked } from '../../../src/check/config/fileFacts';
import { ConfigLinter } from '../../../src/check/config/linter';
import { lookAtSources } from '../../../src/check/config/sources';

const root = mkdtempSync(join(tmpdir(), 'voco-lint-'));
const file = join(root, 'own.voco.json');
const linter = new ConfigLinter();
type Json = Record<string, unknown>;
let lits: { datalist: string };

beforeAll(async () => {
  await makePhantom({ out: join(root, 'sample'), cases: 4, seed: 1, size: [64, 64, 32] });
  lits = await makeTaskPhantom({ task: 'lits', out: join(root, 'lits'), cases: 3, seed: 1, size: [32, 32, 32] });
});
afterAll(() => rmSync(root, { recursive: true }));

const LIST = 'sample/dataset_0.json';

function pretraining(change: { data?: Json; method?: Json; network?: Json; train?: Json } = {}): string {
  return JSON.stringify(
    {
      kind: 'pretrain',
      device: 'cpu',
      data: {
        train: [{ datalist: LIST }],
        validation: [{ datalist: LIST, key: 'validation' }],
        preprocess: { resize: [64, 64, 32] },
        ...change.data,
      },
      method: { grid: [2, 2, 1], crop: [32, 32, 32], input: [32, 32, 32], ...change.method },
      network: { name: 'unet3d', featureSize: 4, ...change.network },
      train: { steps: 5000, batch: 1, ...change.train },
    },
    null,
    2,
  );
}

function finetuning(change: { data?: Json; task?: Json; init?: Json } = {}): string {
  return JSON.stringify(
    {
      kind: 'finetune',
      device: 'cpu',
      data: { train: [{ datalist: LIST }], validation: [{ datalist: LIST, key: 'validation' }], ...change.data },
      crops: { size: [32, 32, 32] },
      network: { name: 'unet3d', featureSize: 4 },
      task: change.task ?? { name: 'btcv' },
      init: change.init ?? {},
    },
    null,
    2,
  );
}

const lint = (text: string, others: string[] = []): Promise<Diagnostic[]> => linter.lint(text, file, others);

/** The text after a problem's quick fix. */
function fixed(text: string, { fix }: Diagnostic): string {
  const edits = [...fix!.edits].sort((a, b) => b.offset - a.offset);
  return edits.reduce((t, { offset, length, text: put }) => t.slice(0, offset) + put + t.slice(offset + length), text);
}

/** Lints, expects one problem there, and that its quick fix leaves none. */
async function expectFixable(text: string, path: string, message: RegExp, severity = 'error'): Promise<void> {
  const found = await lint(text);
  expect(found.map((one) => one.path)).toEqual([path]);
  expect(found[0]).toMatchObject({ severity, message: expect.stringMatching(message) });
  const better = fixed(text, found[0]!);
  expect(diagnose(better, file).filter((one) => one.severity === 'error')).toEqual([]);
  expect(await lint(better)).toEqual([]);
}

it('finds nothing wrong with configs that are right', async () => {
  expect(await lint(pretraining())).toEqual([]);
  expect(await lint(finetuning())).toEqual([]);
});

describe('files', () => {
  it('names a datalist that is not there, and the one that was meant', async () => {
    const text = pretraining({ data: { train: [{ datalist: 'sample/dataset_O.json' }] } });
    await expectFixable(
      text,
      'data.train[0].datalist',
      /dataset_O\.json: no such file; did you mean "sample\/dataset_0/,
    );
  });

  it('also in a config that is wrong elsewhere, at the place of the text', async () => {
    const text = '{ "kind": "pretrain", "sede": 1, "data": { "train": [{ "folder": "nowhere" }] } }';
    const [found, ...more] = await lint(text);
    expect(more).toEqual([]);
    expect(text.slice(found!.offset, found!.offset + found!.length)).toBe('"nowhere"');
    expect(found!.message).toMatch(/nowhere: no such folder; paths are relative/);
  });

  it('names a list that the datalist does not have', async () => {
    const text = pretraining({ data: { train: [{ datalist: LIST, key: 'trainning' }] } });
    await expectFixable(text, 'data.train[0].key', /no list "trainning"; it has "training" \(3\)/);
  });

  it('counts the volumes that are missing, and sees when they are back', async () => {
    const list = join(root, 'partly.json');
    const images = ['a.nii.gz', 'b.nii.gz'].map((name) => join(root, name));
    const known = join(root, 'sample/imagesTr/img0001.nii.gz');
    writeFileSync(list, JSON.stringify({ training: [known, ...images].map((image) => ({ image })) }));
    const text = pretraining({ data: { train: [{ datalist: 'partly.json' }], validation: [] } });
    const [found] = await lint(text);
    expect(found).toMatchObject({ path: 'data.train[0].datalist', severity: 'error' });
    expect(found!.message).toMatch(/a\.nii\.gz: no such file; and 1 more files of this source cannot be read/);
    for (const image of images) copyFileSync(known, image);
    expect(await lint(text)).toEqual([]);
    writeFileSync(images[0]!, 'no volume');
    expect((await lint(text))[0]!.message).toMatch(/^a\.nii\.gz: is neither gzip data/);
  });

  it('names the first unreadable volume of the list, whichever was looked at first', async () => {
    const images = ['one', 'two', 'three'].map((name) => join(root, `${name}.nii.gz`));
    const order: string[] = [];
    class FirstIsSlowest extends FileFacts {
      override async image(volume: string): Promise<Looked> {
        const looked = await super.image(volume);
        // The first ends only after the others.
        if (volume === images[0]) while (order.length < 2) await new Promise((done) => setImmediate(done));
        order.push(volume);
        return looked;
      }
    }
    const list = join(root, 'gone.json');
    writeFileSync(list, JSON.stringify({ training: images.map((image) => ({ image })) }));
    const config = configOfText(pretraining({ data: { train: [{ datalist: list }] } }), root)!;
    const { problems } = await lookAtSources(config, 'train', new FirstIsSlowest());
    expect(order.at(-1)).toBe(images[0]);
    expect(problems.map(({ message }) => message)).toEqual([
      `${images[0]}: no such file; and 2 more files of this source cannot be read`,
    ]);
  });

  it('names a checkpoint that is not there', async () => {
    const found = await lint(finetuning({ init: { checkpoint: 'runs/gone.safetensors' } }));
    expect(found).toMatchObject([{ path: 'init.checkpoint', severity: 'error' }]);
  });
});

describe('volumes', () => {
  it('are smaller than the crop grid, unless they are resized', async () => {
    const text = pretraining({ data: { preprocess: { resize: null, spacing: null } }, method: { grid: [3, 3, 1] } });
    const message = /need 96×96×32 voxels, but 3 of 3 volumes are smaller after preprocessing: .* has 64×64×32/;
    await expectFixable(text, 'method.grid', message);
  });

  it('must not be trained on and held out', async () => {
    const same = pretraining({ data: { validation: [{ folder: 'sample/imagesTr' }] } });
    expect(await lint(same)).toMatchObject([
      {
        path: 'data.validation[0].folder',
        severity: 'error',
        message: expect.stringMatching(/training sees 3 volumes of it/),
      },
    ]);
    mkdirSync(join(root, 'copies'));
    copyFileSync(join(root, 'sample/imagesTr/img0002.nii.gz'), join(root, 'copies/renamed.nii.gz'));
    const copied = pretraining({ data: { validation: [{ folder: 'copies' }] } });
    expect((await lint(copied))[0]!.message).toMatch(/renamed\.nii\.gz has the same content as .*img0002/);
  });

  it('must not be those that a later fine-tuning is measured on', async () => {
    const other = join(root, 'later.voco.json');
    writeFileSync(other, finetuning());
    const text = pretraining({ data: { train: [{ folder: 'sample/imagesTr' }], validation: [] } });
    expect(await lint(text, [other, join(root, 'gone.voco.json')])).toMatchObject([
      {
        path: 'data.train[0].folder',
        severity: 'warning',
        message: expect.stringMatching(/validation of later\.voco\.json/),
      },
    ]);
    expect(await lint(pretraining({ data: { validation: [] } }), [other])).toEqual([]);
  });

  it('must not have been seen by the checkpoint that fine-tuning starts from', async () => {
    const run = join(root, 'runs/seen');
    mkdirSync(join(run, 'checkpoints'), { recursive: true });
    const folder = join(root, 'sample/imagesTr');
    writeFileSync(join(run, 'config.json'), pretraining({ data: { train: [{ folder }], validation: [] } }));
    writeFileSync(join(run, 'checkpoints/step-1.safetensors'), '');
    const found = await lint(finetuning({ init: { checkpoint: 'runs/seen/checkpoints/step-1.safetensors' } }));
    expect(found).toMatchObject([{ path: 'init.checkpoint', severity: 'warning' }]);
    expect(found[0]!.message).toMatch(/pre-training has seen the validation: a volume of it/);
  });
});

describe('labels', () => {
  it('have values of no class', async () => {
    const task = { name: 'custom', classes: [{ name: 'liver', values: [6] }] };
    await expectFixable(finetuning({ task }), 'task.classes', /label values 1, 2, .*which belong to no class of /);
  });

  it('are those of another task', async () => {
    const found = await lint(finetuning({ data: { train: [{ datalist: lits.datalist }], validation: [] } }));
    expect(found).toMatchObject([{ path: 'task.name', severity: 'warning' }]);
    expect(found[0]!.message).toMatch(/11 of the 13 classes .* is this the right task\?/);
  });
});

describe('memory', () => {
  it('is too little for the crops', async () => {
    const size = [1024, 1024, 512];
    const method = { grid: [2, 2, 1], crop: [512, 512, 512], input: [512, 512, 512] };
    const found = await lint(
      pretraining({ data: { preprocess: { resize: size } }, method, network: { featureSize: 96 } }),
    );
    expect(found).toMatchObject([{ path: 'method.input', severity: 'warning' }]);
    expect(found[0]!.message).toMatch(/takes about .* of memory, .* are free now/);
  });

  it('would do for fewer crops at a time', async () => {
    const method = { grid: [2, 2, 1], crop: [64, 64, 32], input: [64, 64, 64] };
    const data = { preprocess: { resize: [128, 128, 32] } };
    const text = pretraining({ data, method, network: { featureSize: 48 }, train: { batch: 256, microBatch: 4096 } });
    await expectFixable(text, 'train.microBatch', /fewer crops at a time would fit/, 'warning');
  });
});
