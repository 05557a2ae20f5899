import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkpointFile, createRun, listCheckpoints, readMetrics, readResults, readRunState } from '../../../src/runs';
import { describeFailures } from '../../../src/errors/inTurn';
import { evaluate } from '../../../src/evaluate';
import { segment } from '../../../src/evaluate/segment';
import { train } from '../../../src/train';
import {
  applyAffine,
  composeAffine,
  invertAffine,
  readVolume,
  spacingOf,
  writeNifti,
  type Volume,
} from '../../../src/volume';
import { differingTensors, makeTinyPhantom, phaseOf, stepsOf, trainingDevice, until } from '../../support/trainer';
import { quiet, runsFolder, writeFinetune, type Json } from './support';

const folder = runsFolder('finetune');
let device: string;

beforeAll(async () => {
  device = await trainingDevice();
  await makeTinyPhantom(folder);
});

/** Liver and aorta with a small 3D U-Net, which learns them in seconds. */
function config(name: string, change: Json = {}): string {
  return writeFinetune(folder, name, {
    seed: 3,
    device,
    task: {
      name: 'custom',
      unlisted: 'background',
      classes: [
        { name: 'liver', values: [6] },
        { name: 'aorta', values: [8] },
      ],
    },
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
      preprocess: { spacing: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32], perVolume: 2 },
    network: { name: 'unet3d', featureSize: 8 },
    optimizer: { lr: 0.003 },
    train: { steps: 45, validateEvery: 15, checkpointEvery: 100 },
    inference: { overlap: 0.25 },
    ...change,
  });
}

const short = (steps: number): Json => ({
  network: { name: 'unet3d', featureSize: 4 },
  crops: { size: [16, 16, 32], perVolume: 2 },
  train: { steps, validateEvery: 4, checkpointEvery: 2, keepLast: 9 },
});

describe('a short fine-tuning', () => {
  let runDir: string;
  const lines: string[] = [];

  beforeAll(async () => {
    const file = config('learns');
    const result = await train('finetune', { configFile: file, resume: false, set: [] }, (text) => lines.push(text));
    expect(result.outcome).toBe('finished');
    runDir = result.runDir;
  });

  it('learns: loss falls and Dice on the held-out case rises', async () => {
    const records = await readMetrics(runDir);
    const scored = records.filter((record) => record['validation/dice'] !== undefined);
    expect(scored.map(({ step }) => step)).toEqual([15, 30, 45]);
    expect(Number(records.at(-1)!.loss)).toBeLessThan(0.8 * Number(records[0]!.loss));
    expect(Number(records.at(-1)!['validation/dice'])).toBeGreaterThan(0.35);
    expect(records.at(-1)).toHaveProperty('validation/dice/liver');
    expect(records.at(-1)).toHaveProperty('validation/dice/aorta');
  });

  it('keeps its best and its last checkpoint, and tells its cases', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const best = Math.max(...(await readMetrics(runDir)).map((record) => Number(record['validation/dice'] ?? 0)));
    expect(checkpoints.map(({ step }) => step)).toContain(45);
    expect(Math.max(...checkpoints.map(({ metrics }) => metrics['validation/dice']!))).toBeCloseTo(best, 9);
    expect(JSON.parse(readFileSync(join(runDir, 'cases.json'), 'utf8'))).toEqual({
      train: ['img0001', 'img0002', 'img0003'],
      validation: ['img0004'],
    });
    expect(await readRunState(runDir)).toMatchObject({ kind: 'finetune', state: 'finished', step: 45, totalSteps: 45 });
  });

  it('is evaluated: the score of the best checkpoint, tables, a prediction on the grid of the image', async () => {
    const result = await evaluate({ runDir, set: [] }, quiet);
    const results = await readResults(runDir);
    const best = Math.max(...(await readMetrics(runDir)).map((record) => Number(record['validation/dice'] ?? 0)));
    // The grid of the images is that of training here, but for the foreground cut.
    expect(result.dice).toBeCloseTo(best, 6);
    expect(results.cases).toHaveLength(1);
    const [found] = results.cases;
    expect(found!.classes.map(({ name }) => name)).toEqual(['liver', 'aorta']);
    expect(Object.keys(found!.classes[0]!.scores).sort()).toEqual(['dice', 'hd95', 'nsd', 'volumeError']);
    expect(results.summary!.classes[0]!.scores.dice!.count).toBe(1);
    expect(readFileSync(result.csv, 'utf8').split('\n')).toHaveLength(4);
    const [prediction, image] = await Promise.all(
      [join(runDir, found!.prediction!), found!.image].map(async (file) => (await readVolume(file)).volume),
    );
    expect(prediction!.shape).toEqual(image!.shape);
    prediction!.affine.forEach((value, i) => expect(value).toBeCloseTo(image!.affine[i]!, 4));
    expect(new Set(prediction!.data)).toEqual(new Set([0, 6, 8]));
    const truth = (await readVolume(found!.label!)).volume;
    const voxel = spacingOf(truth.affine).reduce((a, b) => a * b) / 1000;
    const count = (map: Volume, value: number): number => Array.from(map.data).filter((one) => one === value).length;
    const [liver] = found!.classes;
    expect(liver!.volume!.truth).toBeCloseTo(count(truth, 6) * voxel, 6);
    expect(liver!.volume!.predicted).toBeCloseTo(count(prediction!, 6) * voxel, 6);
    expect(results.classes!.map(({ name, values }) => [name, values])).toEqual([
      ['liver', [6]],
      ['aorta', [8]],
    ]);
    // Counted by hand in the slice it names: no other slice has more wrong voxels.
    const at = applyAffine(invertAffine(truth.affine), liver!.worst!.position);
    const [, nx, ny, nz] = truth.shape;
    const wrong = Array.from({ length: nz }, () => 0);
    for (let i = 0; i < nx * ny * nz; i++) if ((truth.data[i] === 6) !== (prediction!.data[i] === 6)) wrong[i % nz]!++;
    expect(wrong[Math.round(at[2])]).toBe(liver!.worst!.voxels);
    expect(Math.max(...wrong)).toBe(liver!.worst!.voxels);
  });

  it('tells with which settings, and keeps scores of other settings unless it is forced', async () => {
    const results = await readResults(runDir);
    const weights = readFileSync(results.checkpoint!);
    expect(results.settings).toMatchObject({
      weights: { sha256: createHash('sha256').update(weights).digest('hex'), bytes: weights.length },
      window: [32, 32, 32],
      inference: { overlap: 0.25, flips: false },
      preprocess: { spacing: null },
      heldOut: ['img0004'],
      device,
    });
    const before = readFileSync(join(runDir, 'results.json'), 'utf8');
    const other = { runDir, set: ['inference.overlap=0'] };
    await expect(evaluate(other, quiet)).rejects.toThrow(/other settings \(inference\.overlap: 0\.25 → 0\);.*--force/);
    expect(readFileSync(join(runDir, 'results.json'), 'utf8')).toBe(before);
    await evaluate({ ...other, force: true }, quiet);
    expect((await readResults(runDir)).settings!.inference).toMatchObject({ overlap: 0 });
    // Of the same settings, scores are only made again; those of earlier versions do not tell theirs.
    await evaluate(other, quiet);
    const { settings: _, ...old } = await readResults(runDir);
    writeFileSync(join(runDir, 'results.json'), JSON.stringify(old));
    await expect(evaluate(other, quiet)).rejects.toThrow(/does not tell which/);
  });

  it('is evaluated and segments without the images that cannot be read', async () => {
    const images = join(folder, 'phantom/imagesTr');
    writeFileSync(join(images, 'cut.nii.gz'), readFileSync(join(images, 'img0004.nii.gz')).subarray(0, 5000));
    const pair = (image: string, label: string) => ({
      image: `imagesTr/${image}.nii.gz`,
      label: `labelsTr/${label}.nii.gz`,
    });
    const list = {
      training: [pair('img0001', 'label0001')],
      validation: [pair('cut', 'label0003'), pair('img0004', 'label0004')],
    };
    writeFileSync(join(folder, 'phantom/some.json'), JSON.stringify(list));
    const data = { validation: [{ datalist: 'phantom/some.json', key: 'validation' }], preprocess: { spacing: null } };
    const train = [{ datalist: 'phantom/some.json' }];
    const configFile = config('some', { data: { train, ...data } });
    const checkpoint = (await listCheckpoints(runDir)).checkpoints.at(-1)!.file;
    const result = await evaluate({ configFile, checkpoint, set: [] }, quiet);
    expect(result).toMatchObject({ cases: 2, leavesOut: false, failed: [{ case: 'cut' }] });
    const { cases, failed, settings } = await readResults(result.runDir);
    expect(cases.map((one) => one.case)).toEqual(['img0004']);
    expect(failed).toEqual([
      { case: 'cut', image: join(images, 'cut.nii.gz'), reason: expect.stringContaining('cut.nii.gz') },
    ]);
    expect(settings!.heldOut).toEqual(['cut', 'img0004']);
    expect(await readRunState(result.runDir)).toMatchObject({ state: 'finished', skipped: 1 });

    const out = join(folder, 'some-segmented');
    const both = ['cut', 'img0004'].map((name) => join(images, `${name}.nii.gz`));
    const { files, failures, total } = await segment({ images: both, checkpoint, out, device }, quiet);
    expect({ files, total }).toEqual({ files: [join(out, 'img0004.nii.gz')], total: 2 });
    expect(describeFailures(total, failures)).toBe(`1 of 2 done; failed: ${both[0]}`);
    const goesOn = await segment({ images: both, checkpoint, out, device, present: 'keep' }, quiet).catch(String);
    expect(goesOn).toMatch(/cut\.nii\.gz: /);
  });

  it('is evaluated as a job of its own, whose run tells how it stands; a signal stops it', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const own = JSON.parse(readFileSync(join(runDir, 'config.json'), 'utf8')) as Json;
    const root = { root: join(folder, 'runs'), name: 'learns', kind: 'evaluate' as const, config: own, totalSteps: 0 };
    const request = (dir: string) => ({
      configFile: join(dir, 'config.json'),
      runDir: dir,
      checkpoint: checkpoints.at(-1)!.file,
      set: [],
    });
    const done = await createRun(root);
    const { heldOut } = await evaluate(request(done), quiet);
    const state = await readRunState(done);
    expect(state).toMatchObject({ state: 'finished', step: 1, totalSteps: 1, heldOut });
    expect(heldOut.dice).toBeGreaterThan(0.3);
    expect(state.initFrom).toBe(checkpoints.at(-1)!.file);
    const stopped = await createRun(root);
    const asked = evaluate(request(stopped), quiet);
    // From then on it listens to signals.
    void until(async () => (await phaseOf(stopped)) === 'running', 'the evaluation').then(() =>
      process.emit('SIGTERM'),
    );
    await expect(asked).rejects.toMatchObject({ exitCode: 130 });
    expect(await readRunState(stopped)).toMatchObject({ state: 'interrupted' });
    expect(existsSync(join(stopped, 'results.json'))).toBe(false);
  });

  it('starts another one, with the report of what was loaded', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const init = { checkpoint: checkpoints[0]!.file, freezeEncoder: true };
    const file = config('warm', { ...short(2), network: { name: 'unet3d', featureSize: 8 }, init });
    const said: string[] = [];
    const { runDir: warm } = await train('finetune', { configFile: file, resume: false, set: [] }, (text) =>
      said.push(text),
    );
    const report = JSON.parse(readFileSync(join(warm, 'init.json'), 'utf8')) as { loaded: string[]; missing: string[] };
    expect(report.missing).toEqual([]);
    expect(said.some((line) => line.startsWith(`weights: ${report.loaded.length} of ${report.loaded.length}`))).toBe(
      true,
    );
    const last = (await listCheckpoints(warm)).checkpoints.at(-1)!.file;
    const changed = await differingTensors(checkpoints[0]!.file, last);
    const weights = changed.filter((name) => !name.startsWith('optimizer.'));
    expect(weights.length).toBeGreaterThan(0);
    expect(weights.filter((name) => name.startsWith('encoder.'))).toEqual([]);
  });

  it('keeps the pre-trained part for its share of the run, and trains it after that', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const from = checkpoints[0]!.file;
    const init = { checkpoint: from, freezeFor: 0.5 };
    const file = config('thawed', { ...short(4), network: { name: 'unet3d', featureSize: 8 }, init });
    const { runDir: thawed } = await train('finetune', { configFile: file, resume: false, set: [] }, quiet);
    const changedAt = async (step: number) => {
      const names = await differingTensors(from, checkpointFile(thawed, step));
      return names.filter((name) => /^(encoder|decoder)\./.test(name));
    };
    const half = await changedAt(2);
    expect(half.length).toBeGreaterThan(0);
    expect(half.filter((name) => name.startsWith('encoder.'))).toEqual([]);
    expect((await changedAt(4)).filter((name) => name.startsWith('encoder.')).length).toBeGreaterThan(5);
  });

  it('segments with mirror images averaged when asked to', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const images = [join(folder, 'phantom/imagesTr/img0004.nii.gz')];
    const request = { images, checkpoint: checkpoints.at(-1)!.file, device };
    const maps = await Promise.all(
      [false, true].map(async (flips) => {
        const out = join(folder, `flips-${flips}.nii.gz`);
        await segment({ ...request, out, flips }, quiet);
        return (await readVolume(out)).volume.data;
      }),
    );
    const same = Array.from(maps[0]!).filter((value, i) => value === maps[1]![i]).length / maps[0]!.length;
    expect(same).toBeGreaterThan(0.7);
    expect(same).toBeLessThan(1);
  });

  it('segments mirrored and turned images in their own space', async () => {
    const { checkpoints } = await listCheckpoints(runDir);
    const { volume } = await readVolume(join(folder, 'phantom/imagesTr/img0004.nii.gz'));
    const variants: [string, Volume][] = [
      ['plain', volume],
      ['mirrored', mirrored(volume)],
      ['turned', { ...volume, affine: composeAffine(turn(0.3), volume.affine) }],
    ];
    for (const [name, image] of variants) await writeNifti(join(folder, `${name}.nii.gz`), image);
    const images = variants.map(([name]) => join(folder, `${name}.nii.gz`));
    const out = join(folder, 'segmented');
    const { files } = await segment({ images, checkpoint: checkpoints.at(-1)!.file, out, device }, quiet);
    const maps = await Promise.all(files.map(async (file) => (await readVolume(file)).volume));
    maps.forEach((map, i) => {
      expect(map.shape).toEqual(variants[i]![1].shape);
      map.affine.forEach((value, k) => expect(value).toBeCloseTo(variants[i]![1].affine[k]!, 3));
    });
    // The mirrored file is the same body: voxel for voxel the same labels in world coordinates.
    const back = mirrored(maps[1]!);
    let same = 0;
    back.data.forEach((value, i) => (same += value === maps[0]!.data[i] ? 1 : 0));
    expect(same / back.data.length).toBeGreaterThan(0.999);
    expect(maps[2]!.data.some((value) => value === 6)).toBe(true);
  });
});

/** The same body in a file whose first axis runs the other way. */
function mirrored(volume: Volume): Volume {
  const [, nx, ny, nz] = volume.shape;
  const data = volume.data.slice();
  for (let x = 0; x < nx; x++) data.set(volume.data.subarray((nx - 1 - x) * ny * nz, (nx - x) * ny * nz), x * ny * nz);
  const flip = Float64Array.of(-1, 0, 0, nx - 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  return { data, shape: volume.shape, affine: composeAffine(volume.affine, flip) };
}

/** A turn about the body's long axis. */
function turn(angle: number): Float64Array {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return Float64Array.of(c, -s, 0, 0, s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

describe('a fine-tuning that was stopped', () => {
  it.each([
    ['with the encoder at a rate of its own', { init: { encoderRate: 0.1 } }],
    ['with sgd', { optimizer: { name: 'sgd', lr: 0.01 } }],
  ])('goes on bit for bit, %s', async (_, change) => {
    // The length of the run must not matter to its first steps, so the rate is constant.
    const common = { ...short(6), schedule: { name: 'constant' }, ...change };
    const whole = await train('finetune', { configFile: config('whole', common), resume: false, set: [] }, quiet);
    const half = { configFile: config('half', common), resume: false, set: ['train.steps=4'] };
    const { runDir } = await train('finetune', half, quiet);
    await train('finetune', { runDir, resume: true, set: ['train.steps=6'] }, quiet);
    expect(await stepsOf(runDir)).toEqual(await stepsOf(whole.runDir));
    const ends = await Promise.all([runDir, whole.runDir].map(async (dir) => (await listCheckpoints(dir)).checkpoints));
    expect(ends.map((list) => list.at(-1)!.step)).toEqual([6, 6]);
    expect(await differingTensors(ends[0]!.at(-1)!.file, ends[1]!.at(-1)!.file)).toEqual([]);
    expect((await readRunState(runDir)).resumedAt).toEqual([4]);
  });
});

describe('what cannot be fine-tuned', () => {
  it('labels of no class stop with the file and the value', async () => {
    const task = { name: 'custom', classes: [{ name: 'liver', values: [6] }] };
    const file = config('strict', { ...short(2), task });
    await expect(train('finetune', { configFile: file, resume: false, set: [] }, quiet)).rejects.toThrow(
      /label000\d\.nii\.gz: has the values? \d+.*, which belongs? to no class/,
    );
  });

  it('a checkpoint of another network is an error, not a silent start from scratch', async () => {
    const other = await train('finetune', { configFile: config('other', short(2)), resume: false, set: [] }, quiet);
    const checkpoint = (await listCheckpoints(other.runDir)).checkpoints.at(-1)!.file;
    const network = { name: 'swin-unetr', featureSize: 12 };
    const crops = { size: [32, 32, 64], perVolume: 1 };
    const file = config('mixed', { ...short(2), network, crops, init: { checkpoint } });
    await expect(train('finetune', { configFile: file, resume: false, set: [] }, quiet)).rejects.toThrow(
      /0 of \d+ tensors/,
    );
    expect(existsSync(checkpoint)).toBe(true);
  });

  it('a pre-training config is named as such', async () => {
    const file = join(folder, 'pre.voco.json');
    writeFileSync(file, JSON.stringify({ kind: 'pretrain', data: { train: [{ folder: 'x' }] } }));
    await expect(train('finetune', { configFile: file, resume: false, set: [] }, quiet)).rejects.toThrow(
      /kind "pretrain"/,
    );
  });
});
