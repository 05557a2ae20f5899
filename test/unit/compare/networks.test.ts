import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import type { ComparedCase, CompareCalls } from '../../../src/protocol/comparison';
import { readResults, runFiles, readCheckpoint, writeSafetensors } from '../../../src/runs';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';
import { compareCheckpoints } from '../../../src/compare';
import { listCases } from '../../../src/compare/cases';
import { openCheckpoints } from '../../../src/compare/checkpoints';
import { Comparer } from '../../../src/compare/comparer';
import { samplePositions } from '../../../src/compare/encoders';
import { evaluate } from '../../../src/evaluate';
import { segment } from '../../../src/evaluate/segment';
import { applyAffine, readVolume } from '../../../src/volume';
import { makeTinyPhantom, SMALL_SWIN, trainingDevice } from '../../support/trainer';
import { segmentationConfig, untrainedModel, untrainedSegmenter } from './support';
import { eventually } from '../../support/eventually';

const root = mkdtempSync(join(tmpdir(), 'voco-compare-'));
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });
vi.stubEnv('VOCO_CACHE_DIR', undefined);

const silent = (): void => undefined;
const watched = { signal: new AbortController().signal, onProgress: silent };

let device: string;
let first: string;
let second: string;
let wide: string;
let pretrained: string;
let weightsOnly: string;

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
  await useDevice(device, { threads: 1 });
  first = await untrainedSegmenter(segmentationConfig(root, 'first', device));
  second = await untrainedSegmenter(segmentationConfig(root, 'second', device, { seed: 4 }));
  const network = { name: 'unet3d', featureSize: 6 };
  wide = await untrainedSegmenter(segmentationConfig(root, 'wide', device, { network }));
  pretrained = await untrainedModel(root, 'pretrained', device);
  weightsOnly = join(root, 'weights.safetensors');
  await writeSafetensors(weightsOnly, (await readCheckpoint(first)).tensors);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

const casesOf = async (...files: string[]) => listCases(await openCheckpoints(files));
const caseNamed = async (name: string, ...files: string[]): Promise<ComparedCase> =>
  (await casesOf(...files)).cases.find(({ id }) => id === name)!;

/** Asks a comparer of its own, which leaves nothing on the device. */
async function asking<T>(work: (comparer: Comparer) => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const comparer = new Comparer(silent);
  try {
    return await work(comparer);
  } finally {
    comparer.dispose();
    await eventually(() => expect(tf.memory().numTensors).toBe(before));
  }
}

describe('what can be asked', () => {
  it('depends on what a file is', async () => {
    const opened = await openCheckpoints([first, pretrained, weightsOnly]);
    const [segmenter, model, weights] = opened.map(({ checkpoint }) => checkpoint.cannot);
    expect(Object.keys(segmenter!)).toEqual(['locate']);
    expect(model!.predict).toMatch(/is a pre-training checkpoint/);
    expect(Object.keys(model!)).toEqual(['predict']);
    expect(weights!.features).toMatch(/weights\.safetensors: contains no config/);
    expect(Object.keys(weights!).sort()).toEqual(['features', 'locate', 'predict']);
    expect(opened[0]!.checkpoint.classes!.map(({ name, values }) => [name, values])).toEqual([
      ['liver', [6]],
      ['aorta', [8]],
    ]);
    // Without a config there is still a comparison.
    const comparison = await compareCheckpoints({ files: [first, weightsOnly] }, silent);
    expect(comparison.weights[0]!.total).toMatchObject({ cosine: 1, relativeChange: 0 });
    await asking(async (comparer) => {
      const image = [join(root, 'phantom/imagesTr/img0004.nii.gz')];
      await expect(comparer.predict({ file: weightsOnly, image }, watched)).rejects.toThrow(/contains no config/);
      await expect(comparer.features({ files: [first, weightsOnly], image }, watched)).rejects.toThrow(UserError);
      await expect(comparer.locate({ files: [first, weightsOnly], image }, watched)).rejects.toThrow(/no projector/);
    });
  });
});

describe('a prediction', () => {
  it('is computed once, is that of voco segment, and stays on the grid of the image', async () => {
    const { image } = await caseNamed('img0001', first, second);
    const out = join(root, 'segmented.nii.gz');
    await segment({ images: [image[0]!], checkpoint: first, out, device }, silent);
    const found = await asking(async (comparer) => {
      const steps: number[] = [];
      const onProgress = (done: number, total: number): void => void steps.push(done / total);
      const computed = await comparer.predict({ file: first, image }, { ...watched, onProgress });
      expect(computed.from).toBe('computed');
      expect(steps.length).toBeGreaterThan(1);
      expect(steps.at(-1)).toBe(1);
      const again = vi.fn();
      const kept = await comparer.predict({ file: first, image }, { ...watched, onProgress: again });
      expect(kept).toEqual({ file: computed.file, from: 'cache' });
      expect(again).not.toHaveBeenCalled();
      return computed.file;
    });
    const [ours, theirs] = [(await readVolume(found)).volume, (await readVolume(out)).volume];
    expect(ours.shape).toEqual(theirs.shape);
    expect([...ours.affine]).toEqual([...theirs.affine]);
    expect(Buffer.compare(Buffer.from(ours.data.buffer), Buffer.from(theirs.data.buffer))).toBe(0);
    expect(new Set(ours.data).size).toBeGreaterThan(1);
    const listed = await caseNamed('img0001', first, second);
    expect(listed.checkpoints.map(({ prediction }) => prediction?.from)).toEqual(['cache', undefined]);
  });

  it('of other weights under the same name is computed anew', async () => {
    const { image } = await caseNamed('img0002', first);
    const copy = await untrainedSegmenter(segmentationConfig(root, 'replaced', device));
    await asking(async (comparer) => {
      const before = await comparer.predict({ file: copy, image }, watched);
      copyFileSync(second, copy);
      const after = await comparer.predict({ file: copy, image }, watched);
      expect(after.from).toBe('computed');
      expect(after.file).not.toBe(before.file);
      const [a, b] = [await readVolume(before.file), await readVolume(after.file)];
      expect(Buffer.compare(Buffer.from(a.volume.data.buffer), Buffer.from(b.volume.data.buffer))).not.toBe(0);
    });
  });

  it('can be cancelled, while it waits or is computed, and leaves nothing', async () => {
    const { image } = await caseNamed('img0003', first, second);
    await asking(async (comparer) => {
      const [running, waiting] = [new AbortController(), new AbortController()];
      const options = { signal: running.signal, onProgress: () => running.abort() };
      const one = comparer.predict({ file: second, image }, options);
      const two = comparer.predict({ file: first, image }, { ...watched, signal: waiting.signal });
      waiting.abort();
      await expect(one).rejects.toThrow(/abort/i);
      await expect(two).rejects.toThrow(/abort/i);
    });
    const { checkpoints } = await caseNamed('img0003', first, second);
    expect(checkpoints.map(({ prediction }) => prediction)).toEqual([undefined, undefined]);
  });

  it('names the image that is not there', async () => {
    await asking(async (comparer) => {
      const gone = comparer.predict({ file: first, image: [join(root, 'gone.nii.gz')] }, watched);
      await expect(gone).rejects.toThrow(/gone\.nii\.gz: .*no such file/);
    });
  });
});

describe('after an evaluation', () => {
  it('its prediction and scores are there, until the checkpoint is written anew', async () => {
    const { runDir } = await evaluate(
      { configFile: join(root, 'second.voco.json'), checkpoint: second, set: [] },
      silent,
    );
    const { cases } = await readResults(runDir);
    const [held] = (await casesOf(first, second)).cases;
    expect(held).toMatchObject({ id: 'img0004', origin: 'evaluated', label: cases[0]!.label });
    const [other, own] = held!.checkpoints;
    expect(other).toEqual({ split: 'validation' });
    expect(own).toMatchObject({ split: 'validation', scores: cases[0]!.classes });
    const dice = cases[0]!.classes.map(({ scores }) => scores.dice!);
    expect(own!.dice).toBeCloseTo((dice[0]! + dice[1]!) / 2, 12);
    const file = join(runDir, cases[0]!.prediction!);
    expect(own!.prediction).toEqual({ file, from: 'evaluation' });
    const comparison = await compareCheckpoints({ files: [first, second] }, silent);
    expect(comparison.checkpoints.map(({ results }) => results)).toEqual([undefined, runDir]);
    await asking(async (comparer) => {
      const request = { file: second, image: held!.image };
      expect(await comparer.predict(request, watched)).toEqual({ file, from: 'evaluation' });
      const later = new Date(Date.now() + 60_000);
      utimesSync(second, later, later);
      expect((await comparer.predict(request, watched)).from).toBe('computed');
    });
  });
});

describe('the list of cases', () => {
  it('has held-out ones before those of training, and tells each network’s part in them', async () => {
    const { cases, omitted, problems } = await casesOf(first, pretrained, weightsOnly);
    expect(cases.map(({ id, origin }) => [id, origin])).toEqual([
      ['img0004', 'validation'],
      ['img0001', 'train'],
      ['img0002', 'train'],
      ['img0003', 'train'],
    ]);
    expect(cases[1]!.checkpoints.map(({ split }) => split)).toEqual(['train', 'train', undefined]);
    expect(existsSync(cases[0]!.label!)).toBe(true);
    expect([omitted, problems]).toEqual([0, []]);
  });

  it('says which datalist is gone', async () => {
    const list = join(root, 'list.json');
    copyFileSync(join(root, 'phantom/dataset_0.json'), list);
    const data = { train: [{ datalist: 'list.json', baseDir: 'phantom' }], cache: { folder: 'cache' } };
    const file = await untrainedSegmenter(segmentationConfig(root, 'moved', device, { data }));
    rmSync(list);
    const { cases, problems } = await casesOf(file);
    expect(cases).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/The cases of .*moved.* are not listed: .*list\.json/);
  });
});

describe('features', () => {
  type Features = CompareCalls['features']['result'];

  it('are compared by stage, also those of other widths and tasks, the same crops for all', async () => {
    const files = [first, second, wide, pretrained];
    const image = (await caseNamed('img0004', first)).image;
    const found = await asking((comparer) => comparer.features({ files, image, crops: 6 }, watched));
    expect(found).toMatchObject({ crops: 6, settingsOf: 0, crop: [32, 32, 32], input: [32, 32, 32], image });
    expect(found.missing).toEqual([null, null, null, null]);
    expect(found.stages.map(({ stride, samples }) => [stride, samples])).toEqual([
      [1, 384],
      [2, 384],
      [4, 384],
      [8, 384],
      [16, 48],
    ]);
    expect(found.stages[4]!.channels).toEqual([64, 64, 96, 64]);
    for (const { cka, debiased } of found.stages) {
      cka.forEach((row, i) => expect(row[i]).toBe(1));
      expect(debiased[0]![1]).toBeLessThan(cka[0]![1]!);
      cka.forEach((row, i) => row.forEach((value, j) => expect(value).toBe(cka[j]![i])));
      expect(cka[0]![1]).toBeGreaterThan(0);
      expect(cka[0]![1]).toBeLessThan(0.999);
    }
  });

  it('of equal weights are equal, and a second time come from the cache', async () => {
    const copy = join(root, 'copy.safetensors');
    copyFileSync(first, copy);
    const image = (await caseNamed('img0004', first)).image;
    const request = { files: [first, copy], image, crops: 4, seed: 2 };
    await asking(async (comparer) => {
      const progress: number[] = [];
      const tell = (done: number, total: number): void => void progress.push(done / total);
      const found = await comparer.features(request, { ...watched, onProgress: tell });
      expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => n / 8));
      for (const { cka } of found.stages) expect(cka[0]![1]).toBeCloseTo(1, 9);
      const again = vi.fn();
      expect(await comparer.features(request, { ...watched, onProgress: again })).toEqual(found);
      expect(again).not.toHaveBeenCalled();
    });
  });

  it('of stages that only one has are not compared; crops are those that all networks take', async () => {
    const swin = await untrainedModel(root, 'swin', device, SMALL_SWIN);
    const found = await asking((comparer) => comparer.features({ files: [first, swin], crops: 2 }, watched));
    // 32³ is too small for Swin-UNETR.
    expect(found).toMatchObject({ settingsOf: 1, input: [32, 32, 64], missing: [null, null] });
    const shown = (stage: Features['stages'][number]) => [stage.stride, stage.channels, stage.cka[0]![1] === null];
    expect(found.stages.map(shown)).toEqual([
      [1, [4, 12], false],
      [2, [8, 12], false],
      [4, [16, 24], false],
      [8, [32, 48], false],
      [16, [64, null], true],
      [32, [null, 192], true],
    ]);
  });

  it('of pre-training checkpoints are those of the student or of the teacher', async () => {
    const later = await untrainedModel(root, 'later', device, { seed: 5 });
    const request = { files: [pretrained, later], crops: 2 };
    await asking(async (comparer) => {
      const student = await comparer.features(request, watched);
      const teacher = await comparer.features({ ...request, branch: 'teacher' }, watched);
      expect(student.stages[2]!.cka[0]![1]).not.toBe(teacher.stages[2]!.cka[0]![1]);
      const none = comparer.features({ ...request, files: [pretrained, first], branch: 'teacher' }, watched);
      await expect(none).rejects.toThrow(/has no teacher network/);
    });
  });

  it('can be cancelled', async () => {
    const image = (await caseNamed('img0004', first)).image;
    await asking(async (comparer) => {
      const controller = new AbortController();
      const options = { signal: controller.signal, onProgress: () => controller.abort() };
      const work = comparer.features({ files: [first, second], image, crops: 50 }, options);
      await expect(work).rejects.toThrow(/abort/i);
      await expect(comparer.features({ files: [first, second], image, crops: 257 }, watched)).rejects.toThrow(
        /at most 256/,
      );
    });
  });

  it('are taken at the same places for every network', () => {
    const chosen = samplePositions(1000, 64, 1, 8, 3);
    expect(new Set(chosen).size).toBe(64);
    expect(samplePositions(1000, 64, 1, 8, 3)).toEqual(chosen);
    expect(samplePositions(1000, 64, 1, 8, 4)).not.toEqual(chosen);
    expect([...samplePositions(3, 64, 1)]).toEqual([0, 1, 2]);
  });
});

describe('position predictions', () => {
  it('are asked for at the same positions, with maps that lie on the image', async () => {
    const method = { crop: [16, 16, 32], input: [16, 16, 32] };
    const other = await untrainedModel(root, 'other', device, { seed: 9, method });
    const image = (await caseNamed('img0004', pretrained)).image;
    const request = { files: [first, pretrained, other], image, positions: 10 };
    const { settingsOf, answers } = await asking((comparer) => comparer.locate(request, watched));
    expect(settingsOf).toBe(1);
    expect(answers[0]!.missing).toMatch(/is a fine-tuning checkpoint/);
    const [a, b] = answers.slice(1).map(({ report }) => report!);
    expect(a!.positions.map(({ centre }) => centre)).toEqual(b!.positions.map(({ centre }) => centre));
    expect(a!.positions.map(({ predicted }) => predicted)).not.toEqual(b!.positions.map(({ predicted }) => predicted));
    expect(answers[1]!.trainedOtherwise).toEqual([]);
    expect(answers[2]!.trainedOtherwise).toEqual(['method.crop']);
    for (const { report, map } of answers.slice(1)) {
      if (report!.map.values.length === 0) continue;
      const { volume } = await readVolume(map!);
      expect(volume.shape).toEqual([1, ...report!.map.counts]);
      const place = applyAffine(Float64Array.from(report!.volume.affine), report!.map.origin);
      applyAffine(volume.affine, [0, 0, 0]).forEach((mm, axis) => expect(mm).toBeCloseTo(place[axis]!, 3));
      expect(volume.data[0]).toBeCloseTo(report!.map.values[0]!, 3);
    }
    expect(answers.slice(1).some(({ map }) => map !== undefined)).toBe(true);
    expect(answers[1]!.map).not.toBe(answers[2]!.map);
  });
});

describe('the run directories', () => {
  it('are not written to by a comparison', () => {
    const dir = join(first, '../..');
    expect(existsSync(runFiles(dir).predictions)).toBe(false);
    expect(readFileSync(join(dir, 'config.json'), 'utf8')).toContain('"first"');
  });
});
