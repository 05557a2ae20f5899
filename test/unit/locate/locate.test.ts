import type { VocoConfig } from '../../../src/pretext/voco/config';
import { boxAround, type Vec3 } from '../../../src/geometry';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig, type PretrainConfig } from '../../../src/config';
import { imageFiles } from '../../../src/data/datalist';
import { NO_AUGMENTATION } from '../../../src/data/augment';
import { UserError } from '../../../src/errors/userError';
import { toolServer } from '../../../src/jobs/toolServer';
import type { LocatedPosition, LocateCalls, LocateReport, PlacedCrop } from '../../../src/protocol/locate';
import { listCheckpoints } from '../../../src/runs';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';
import { errorMap } from '../../../src/locate/errorMap';
import { Locator } from '../../../src/locate/locator';
import { judge, samplePositions, summarize, weightedPlace } from '../../../src/locate/positions';
import { openPretrained } from '../../../src/locate/pretrained';
import { cropAugmentation } from '../../../src/pretext/voco/sampler';
import { SamplePlan } from '../../../src/loader/plan';
import { findUnlabelledCases } from '../../../src/pretext/cases';
import { vocoLoss } from '../../../src/pretext/voco/loss';
import { vocoSampler } from '../../../src/pretext/voco/sampler';
import { loaderSettings } from '../../../src/pretext/voco/task';
import { createLoader } from '../../../src/loader';
import { evaluateLoss } from '../../../src/train/gradients';
import { baseBoxes, createCropGrid } from '../../../src/pretext/voco/geometry';
import { applyAffine, readVolume } from '../../../src/volume';
import { killChildren, makeTinyPhantom, onlyRun, trainingDevice, voco, writeConfig } from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-locate-'));
let config: VocoConfig;
let checkpoint: string;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  const device = await trainingDevice();
  const change = { method: { randomCrops: 2 }, train: { steps: 4, validateEvery: 4, checkpointEvery: 4 } };
  const file = writeConfig(root, 'tiny', device, change);
  const trained = await voco(['pretrain', file], root);
  expect(trained.code, trained.stderr).toBe(0);
  checkpoint = (await listCheckpoints(onlyRun(root))).checkpoints.at(-1)!.file;
  config = (await loadConfig(file, { kind: 'pretrain' })).config as VocoConfig;
  await useDevice(device, { threads: 1 });
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

/** Decimals: the projector's batch norm magnifies what kernels round differently at another batch size. */
const CLOSE = 4;

describe('predictions of a checkpoint', () => {
  it('are the numbers that training computes for the same crops', async () => {
    const cases = await findUnlabelledCases(config);
    const plan = new SamplePlan(cases.train, config.seed, 1);
    const loader = createLoader({
      task: { kind: 'pretrain', name: 'voco' },
      sampler: vocoSampler,
      settings: loaderSettings(config),
      cases: cases.train,
      seed: config.seed,
      batch: 1,
      ...config.data,
    });
    const batch = await loader.next();
    const [draw] = plan.draws(0);
    const { model, step } = await openPretrained(checkpoint);
    expect(step).toBe(4);
    const locator = new Locator();
    const { method } = config;
    const square = method.input[0] === method.input[1];
    const grid = createCropGrid(method.grid, method.crop, [64, 64, 64]);
    const augmented = (crop: number) => cropAugmentation(draw!, crop, method, square);
    const randoms = [0, 1].map((r) => {
      const centre = [0, 1, 2].map((axis) => batch.centres[3 * r + axis]!) as [number, number, number];
      return { box: boxAround(centre, grid.crop), augmentation: augmented(r) };
    });
    const bases = baseBoxes(grid).map((box, i) => ({ box, augmentation: augmented(2 + i) }));
    const files = imageFiles(draw!);
    const { predicted, baseSimilarity } = await locator.predict({ checkpoint, config, files, randoms, bases });
    const scalars = await evaluateLoss(vocoLoss(model), batch, 6);
    const n = grid.size;
    const largest = (row: ArrayLike<number>) => Array.from(row).indexOf(Math.max(...Array.from(row)));
    const hits = predicted.map((row, r) => largest(row) === largest(batch.labels.slice(r * n, (r + 1) * n)));
    expect(hits.filter(Boolean).length / hits.length).toBeCloseTo(scalars.accuracy!, 6);
    const pairs = baseSimilarity.flatMap((row, i) => row.filter((_, j) => i !== j));
    expect(pairs.reduce((sum, value) => sum + value, 0) / pairs.length).toBeCloseTo(scalars.baseSimilarity!, CLOSE);
    // The assignments themselves, from the features of the whole batch at once.
    const values = [...batch.random, ...batch.bases];
    const tensor = tf.tensor5d(values, [2 + n, ...method.input, 1]);
    const features = { student: model.encode(tensor), teacher: model.teacher && model.encodeTeacher(tensor) };
    const labels = tf.tensor2d([...batch.labels], [2, n]);
    const layout = { volumes: 1, randomPerVolume: 2, basesPerVolume: n };
    const { assignments } = model.loss(features, labels, layout);
    const expected = await assignments.array();
    predicted.forEach((row, r) => row.forEach((value, i) => expect(value).toBeCloseTo(expected[r]![i]!, CLOSE)));
    locator.dispose();
    model.dispose();
    await loader.close();
  });

  it('can be cancelled, and leave no tensors behind', async () => {
    const [item] = (await findUnlabelledCases(config)).validation;
    const locator = new Locator();
    await locator.open(checkpoint);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const request = { checkpoint, config, files: imageFiles(item!), positions: 40, seed: 1 };
    const work = locator.locate(request, {
      signal: controller.signal,
      onProgress: (done) => done > 3 && controller.abort(),
    });
    await expect(work).rejects.toThrow(/abort/i);
    expect(tf.memory().numTensors).toBe(before);
    const report = await locator.locate({ ...request, positions: 7 });
    expect(report.positions).toHaveLength(8);
    expect(tf.memory().numTensors).toBe(before);
    // The second answer comes from the cache, without progress, and is the same.
    const onProgress = vi.fn();
    expect(await locator.locate({ ...request, positions: 7 }, { onProgress })).toEqual(report);
    expect(onProgress).not.toHaveBeenCalled();
    locator.dispose();
  });
});

describe('judging an answer', () => {
  const grid = createCropGrid([3, 3, 1], [32, 32, 32], [96, 96, 32]);
  const spacing = [2, 2, 5] as const;

  it('of the right shares is no distance away, wherever the crop is', () => {
    for (const centre of samplePositions(grid, 20, 3)) {
      const label = judge(centre, new Array<number>(9).fill(0), grid, spacing).label;
      const right = judge(centre, label, grid, spacing);
      expect(right.distance).toBeCloseTo(0, 9);
      expect(right.difference).toBe(0);
      expect(right.hit).toBe(true);
    }
  });

  it('measures in millimetres, and tells that there is none', () => {
    const corner = judge([16, 16, 16], [0, 0, 0, 0, 0, 0, 0, 0, 0.5], grid, spacing);
    expect(corner.believed).toEqual([80, 80, 16]);
    expect(corner.distance).toBeCloseTo(2 * Math.hypot(64, 64), 9);
    expect(corner.hit).toBe(false);
    expect(corner.difference).toBeCloseTo(1.5 / 9, 12);
    const silent = judge([16, 16, 16], new Array<number>(9).fill(0), grid, spacing);
    expect([silent.believed, silent.distance]).toEqual([null, null]);
    const { unanswered, meanDistance, medianDistance, guessDistance, accuracy } = summarize(
      [corner, silent],
      grid,
      spacing,
    );
    expect(unanswered).toBe(1);
    expect(meanDistance).toBeCloseTo(corner.distance!, 9);
    expect(medianDistance).toBeCloseTo(corner.distance!, 9);
    expect(guessDistance).toBeCloseTo(2 * Math.hypot(32, 32), 9);
    // A silent network's largest answer is the first, which is where this crop is.
    expect(accuracy).toBe(0.5);
    expect(weightedPlace([1, 0, 0, 0, 0, 0, 0, 0, 1], grid)).toEqual([48, 48, 16]);
  });

  it('is smoothed to a map that covers where centres can be', () => {
    const at = (centre: Vec3, distance: number | null): LocatedPosition => ({
      ...judge(centre, new Array<number>(9).fill(0), grid, spacing),
      distance,
    });
    const map = errorMap([at([16, 16, 16], 10), at([79, 79, 16], 50), at([48, 48, 16], null)], grid);
    expect(map.origin).toEqual([16, 16, 16]);
    expect(map.counts).toEqual([9, 9, 1]);
    expect(map.origin[0] + 8 * map.step[0]).toBeCloseTo(79, 9);
    expect(map.values[0]).toBeCloseTo(10, 6);
    expect(map.values.at(-1)).toBeCloseTo(50, 6);
    expect(map.values[4 * 9 + 4]).toBeGreaterThan(20);
    expect(errorMap([at([16, 16, 16], null)], grid).values).toEqual([]);
  });
});

describe('voco locate', () => {
  it('answers for a held-out case, writes the map onto the image, and is quick the second time', async () => {
    const args = ['locate', '--checkpoint', checkpoint, '--positions', '30', '--out', join(root, 'out'), '--json'];
    const { code, stdout, stderr } = await voco(args, root);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as LocateReport;
    expect(report.positions).toHaveLength(30);
    expect(report.step).toBe(4);
    const [held] = (await findUnlabelledCases(config)).validation;
    expect(report.image).toEqual(imageFiles(held!));
    expect(JSON.parse(readFileSync(join(root, 'out/locate.json'), 'utf8'))).toEqual(report);
    const { volume } = await readVolume(join(root, 'out/error.nii.gz'));
    expect(volume.shape).toEqual([1, ...report.map.counts]);
    expect(volume.data[5]).toBeCloseTo(report.map.values[5]!, 3);
    const affine = Float64Array.from(report.volume.affine);
    const place = applyAffine(affine, report.map.origin);
    applyAffine(volume.affine, [0, 0, 0]).forEach((mm, axis) => expect(mm).toBeCloseTo(place[axis]!, 3));
    expect((await voco([...args, '--force'], root)).stdout).toBe(stdout);
  });

  it('says what is wrong in a line', async () => {
    const wrong = async (args: string[], code: number, pattern: RegExp): Promise<void> => {
      const result = await voco(['locate', ...args], root);
      expect(result.stderr.trim().split('\n').at(-1)).toMatch(pattern);
      expect(result.code).toBe(code);
    };
    await wrong([], 2, /--checkpoint is missing/);
    await wrong(['--checkpoint', checkpoint, '--case', 'nobody'], 2, /--case nobody: no such case/);
    await wrong(['--checkpoint', 'tiny.voco.json'], 1, /tiny\.voco\.json/);
    await wrong(['--checkpoint', checkpoint, '--image', 'none.nii'], 1, /none\.nii: /);
    expect(existsSync(join(root, 'none.nii'))).toBe(false);
  });
});

describe('voco locate --serve', () => {
  it('answers calls side by side, tells progress, and can be cancelled', async () => {
    const node = { command: process.execPath, env: {}, version: process.versions.node, source: 'path' as const };
    const script = join(import.meta.dirname, '../../../dist/voco.cjs');
    const program = () => Promise.resolve({ node, script, env: process.env });
    const server = toolServer<LocateCalls<PretrainConfig>>(program, () => [
      'locate',
      '--serve',
      '--device',
      config.device,
    ]);
    const files = imageFiles((await findUnlabelledCases(config)).validation[0]!);
    const request = { checkpoint, config, files, positions: 20, seed: 9 };
    const progress: number[] = [];
    const whole = server.call('locate', request, { onProgress: ({ done, total }) => progress.push(done / total) });
    const wrong = server.call('locate', { ...request, checkpoint: join(root, 'tiny.voco.json') });
    await expect(wrong).rejects.toThrow(UserError);
    const report = await whole;
    expect(report.positions).toHaveLength(20);
    expect(progress.at(-1)).toBe(1);
    const controller = new AbortController();
    const cancelled = server.call(
      'locate',
      { ...request, positions: 5000 },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    await expect(cancelled).rejects.toThrow(/abort/i);
    const grid = createCropGrid(config.method.grid, config.method.crop, [64, 64, 64]);
    const plain = (box: PlacedCrop['box']): PlacedCrop => ({ box, augmentation: NO_AUGMENTATION });
    const randoms = report.positions.slice(0, 2).map(({ centre }) => plain(boxAround(centre, grid.crop)));
    const asked = { checkpoint, config, files, randoms, bases: baseBoxes(grid).map(plain) };
    const answer = await server.call('predict', asked);
    answer.predicted.forEach((row, r) =>
      row.forEach((value, i) => expect(value).toBeCloseTo(report.positions[r]!.predicted[i]!, CLOSE)),
    );
    await expect(server.call('nonsense' as 'predict', asked)).rejects.toThrow();
    expect((await server.call('locate', request)).summary).toEqual(report.summary);
    server.dispose();
    await expect(server.call('locate', request)).rejects.toThrow(/closed/);
  });
});
