import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, presetText, type PresetName } from '../../../src/config';
import { readClassList } from '../../../src/data/classified';
import { csvLine } from '../../../src/files/csv';
import { makePhantom, makeTaskPhantom, type PhantomTask } from '../../../src/data/phantom';
import { listCheckpoints, readMetrics, readResults } from '../../../src/runs';
import { evaluate } from '../../../src/evaluate';
import { train } from '../../../src/train';
import { findClassifiedCases } from '../../../src/downstream/cases';
import { buildClassifier, classifierStore } from '../../../src/downstream/classification/task';
import { validationInput } from '../../../src/downstream/classification/sampler';
import { inputOf } from '../../../src/downstream/classification/loss';
import { readWeights } from '../../../src/convert/read';
import { BTCV_LABELS } from '../../../src/labels/organs';
import { readVolume } from '../../../src/volume';
import { trainingDevice } from '../../support/trainer';

const folder = mkdtempSync(join(tmpdir(), 'voco-tasks-'));
afterAll(() => rmSync(folder, { recursive: true }));
const quiet = (): void => undefined;
let small: string[];

beforeAll(async () => {
  small = [
    `device=${await trainingDevice()}`,
    'threads=1',
    'network.name=unet3d',
    'network.featureSize=4',
    'crops.size=[32,32,32]',
    'crops.perVolume=1',
    'data.cache.folder=cache',
    'inference.overlap=0',
    'optimizer.lr=0.003',
  ];
});

/** Sample data and the commented config of the task's preset. */
async function prepare(task: PhantomTask | 'btcv', cases: number, size: [number, number, number]): Promise<string> {
  const options = { out: join(folder, task), cases, size, seed: 1 };
  const { datalist } = await (task === 'btcv' ? makePhantom(options) : makeTaskPhantom({ ...options, task }));
  const file = join(folder, `${task}.voco.json`);
  writeFileSync(file, presetText(task as PresetName, { data: datalist }));
  return file;
}

/** The statistics that a classifier predicts with are those of its training volumes under the weights that were scored. */
async function expectFeaturesOfTrainingVolumes(runDir: string, count: number): Promise<void> {
  const { config } = await loadConfig(join(runDir, 'config.json'), { kind: 'finetune' });
  const { entries } = await readWeights((await listCheckpoints(runDir)).checkpoints.at(-1)!.file);
  const network = buildClassifier(config);
  network.parameters.loadStateDict(entries, { strict: true, source: runDir });
  const left = [...(await findClassifiedCases(config)).train];
  expect(left).toHaveLength(count);
  const store = classifierStore(config, quiet);
  await network.fitFeatures(async () => {
    const item = left.shift();
    return item && inputOf(await validationInput(item, store, config));
  });
  const measured = new Map((await network.parameters.stateDict()).map(({ name, data }) => [name, data]));
  for (const name of ['features.mean', 'features.deviation']) {
    const saved = entries.find((entry) => entry.name === name)!.data;
    measured.get(name)!.forEach((value, i) => expect(saved[i]).toBeCloseTo(value, 4));
  }
}

describe('each preset runs on sample data of its task’s shape', () => {
  it.each([
    ['btcv', [64, 64, 32], BTCV_LABELS.slice(1), undefined],
    ['spleen', [48, 48, 32], ['spleen'], [0, 1]],
    ['lits', [48, 48, 32], ['liver', 'liver tumour'], [0, 1, 2]],
    ['mm-whs', [40, 40, 40], undefined, [0, 1, 2, 3, 4, 5, 6, 7]],
    ['brats21', [40, 40, 40], ['enhancing tumour', 'tumour core', 'whole tumour'], [0, 1, 2, 4]],
  ] as const)('%s, from training to results', async (task, size, classes, values) => {
    // The preset of BraTS holds the first fold of its list out.
    const file = await prepare(task, task === 'brats21' ? 4 : 2, [...size]);
    const first = task === 'btcv' ? 'label0001' : 'case0001';
    const label = (await readVolume(join(folder, task, `labelsTr/${first}.nii.gz`))).volume;
    if (values) expect([...new Set(label.data)].sort()).toEqual([...values]);
    const set = [...small, 'data.preprocess.spacing=null', 'train.steps=2', 'train.validateEvery=2'];
    const { runDir } = await train('finetune', { configFile: file, resume: false, set }, quiet);
    const last = (await readMetrics(runDir)).at(-1)!;
    expect(Number.isFinite(last.loss)).toBe(true);
    expect(Number.isFinite(last['validation/dice'])).toBe(true);
    await evaluate({ runDir, set: [] }, quiet);
    const results = await readResults(runDir);
    const names = results.cases[0]!.classes.map(({ name }) => name);
    expect(names).toEqual(classes ?? expect.arrayContaining(['aorta', 'left atrium']));
    expect(results.published![0]!.of).toContain('VoCo');
  });

  it('cc-ccii, classes of whole volumes: the loss falls, accuracy, F1 and AUC are measured', async () => {
    const file = await prepare('cc-ccii', 15, [24, 24, 24]);
    const held = `data.validation=[{"datalist":${JSON.stringify(join(folder, 'cc-ccii/validation.csv'))}}]`;
    const set = [...small, held, 'data.preprocess.resize=[32,32,32]', 'train.steps=40', 'train.validateEvery=20'];
    const { runDir } = await train('finetune', { configFile: file, resume: false, set }, quiet);
    const records = await readMetrics(runDir);
    const highest = Math.max(...records.slice(0, 20).map(({ loss }) => Number(loss)));
    const late = records.slice(-10).reduce((sum, { loss }) => sum + Number(loss) / 10, 0);
    expect(late).toBeLessThan(Math.min(1, 0.6 * highest));
    for (const name of ['accuracy', 'f1', 'auc']) {
      expect(records.at(-1)![`validation/${name}`]).toBeGreaterThanOrEqual(0);
      expect(records.at(-1)![`validation/${name}`]).toBeLessThanOrEqual(1);
    }
    expect(readFileSync(join(runDir, 'cases.json'), 'utf8')).toContain('case0013');
    await expectFeaturesOfTrainingVolumes(runDir, 12);
    const { heldOut, csv } = await evaluate({ runDir, set: [] }, quiet);
    const { classification, summary } = await readResults(runDir);
    const hits = classification!.filter(
      (one) => one.probabilities.indexOf(Math.max(...one.probabilities)) === one.truth,
    );
    expect(heldOut.accuracy).toBeCloseTo(hits.length / classification!.length, 9);
    expect(summary!.overall.accuracy!.low).toBeLessThanOrEqual(heldOut.accuracy!);
    for (const { probabilities } of classification!) {
      expect(probabilities.reduce((sum, one) => sum + one)).toBeCloseTo(1, 6);
    }
    expect(readFileSync(csv, 'utf8').split('\n')).toHaveLength(classification!.length + 2);
  });
});

describe('a list of classes', () => {
  const classes = [
    { name: 'pneumonia', values: [0] },
    { name: 'normal', values: [1] },
  ];
  const read = (text: string) => {
    const file = join(folder, 'list.csv');
    writeFileSync(file, text);
    return readClassList(file, classes, { source: 's' });
  };

  it('is a CSV with the columns in any order, quoted fields, values or names', async () => {
    const found = await read('id,Label,"Image"\r\n1,Normal,"a, b.nii"\r\n2,0,c.nii\r\n\r\n');
    expect(found.map((item) => [item.image, item.class])).toEqual([
      [join(folder, 'a, b.nii'), 1],
      [join(folder, 'c.nii'), 0],
    ]);
  });

  it('has fields with line breaks, commas and quotes in them, and rows of any length', async () => {
    const header = '\uFEFFid,image,label,note\r\n';
    const rows = [
      '1, "a, ""b"".nii" ,1,"two\r\nlines, and ""quotes"""',
      '',
      '  ',
      '2,c.nii,normal',
      ',,,',
      '3,5" d.nii,0,x,y,z',
      '4,"e\nf.nii",0,',
    ];
    const found = await read(header + rows.join('\r\n'));
    expect(found.map((item) => [item.image, item.class])).toEqual([
      [join(folder, 'a, "b".nii'), 1],
      [join(folder, 'c.nii'), 1],
      [join(folder, '5" d.nii'), 0],
      [join(folder, 'e\nf.nii'), 0],
    ]);
    const wrong = await read(`${header}${rows.join('\n')}\n\n5,g.nii,"7\n"\n6,h.nii,1`);
    expect(wrong.map(({ problem }) => problem)).toEqual([
      ...rows.filter((_, i) => [0, 3, 5, 6].includes(i)).map(() => undefined),
      {
        file: `${join(folder, 'list.csv')}:12`,
        message: expect.stringContaining('the class "7" is not a class of the task') as string,
      },
      undefined,
    ]);
    const missing = await read(`${header}${rows.join('\r\n')}\r\n5,g.nii`);
    expect(missing.at(-1)!.problem).toMatchObject({
      file: `${join(folder, 'list.csv')}:11`,
      message: expect.stringMatching(/^the class is missing; write one of 0 \(/) as string,
    });
  });

  it('reads what csvLine writes', async () => {
    const names = ['a"b".nii', 'c,d.nii', 'e\nf.nii', 'plain.nii'];
    const found = await read([['image', 'label'], ...names.map((name) => [name, 1])].map(csvLine).join(''));
    expect(found.map((item) => item.image)).toEqual(names.map((name) => join(folder, name)));
  });

  it('names the line where a quote is not closed', async () => {
    const text = 'image,label\na.nii,1\n\n"b.nii,1\nc.nii,0\n';
    await expect(read(text)).rejects.toThrow(/list\.csv:4: a quote is opened and not closed; /);
    await expect(read('image,label\na.nii,1\n"b"c.nii,1\n')).rejects.toThrow(/list\.csv:3: .*[Qq]uote/);
  });

  it('says what is wrong with a line', async () => {
    await expect(read('image,label\na.nii,2\n')).rejects.toThrow(
      /list\.csv:2: the class "2" is not a class of the task: 0 \(pneumonia\)/,
    );
    await expect(read('image,kind\na.nii,2\n')).rejects.toThrow(
      /no column of classes: call it "label"; it has image, kind/,
    );
    await expect(read('')).rejects.toThrow(/list\.csv: no column of images: .*it has none/);
    await expect(read('image,label\n')).rejects.toThrow(/the list is empty/);
    await expect(read('image,label\n,1\n')).rejects.toThrow(/list\.csv:2: the image is missing/);
  });
});
