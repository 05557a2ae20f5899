import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { diagnose, loadConfig, type PretrainConfig } from '../../../src/config';
import { countCases } from '../../../src/convert/exportFile';
import { readWeights } from '../../../src/convert/read';
import { chartsFor } from '../../../src/jobs/series/charts';
import { CropPreviewer } from '../../../src/preview/preview';
import { latestCheckpoint, listCheckpoints, readMetrics, readRunState, type MetricsRecord } from '../../../src/runs';
import { exportWeights } from '../../../src/runs/export';
import { estimateTraining, train } from '../../../src/train';
import { registerToyNetwork } from '../../support/toy/network/register';
import { registerToyPretext } from '../../support/toy/pretext/register';
import { makeTinyPhantom, trainingDevice } from '../../support/trainer';

/** A pretext task and a network that only tests have, through the whole program: neither is known anywhere in src. */
const root = mkdtempSync(join(tmpdir(), 'voco-toy-'));
const removals: (() => void)[] = [];
const configFile = join(root, 'toy.voco.json');
let config: Record<string, unknown>;
const quiet = (): void => undefined;

vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  removals.push(registerToyNetwork(), registerToyPretext());
  await makeTinyPhantom(root);
  config = {
    kind: 'pretrain',
    name: 'toy',
    seed: 5,
    device: await trainingDevice(),
    threads: 1,
    output: 'runs',
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
      preprocess: { resize: [64, 64, 64], foreground: null },
      cache: { folder: 'cache' },
      workers: 0,
    },
    method: { name: 'brightness', patch: [16, 16, 32], perVolume: 3 },
    network: { name: 'toy', width: 4 },
    optimizer: { lr: 0.01 },
    schedule: { name: 'constant' },
    train: { steps: 8, batch: 2, microBatch: 4, validateEvery: 4, checkpointEvery: 3, keepLast: 9 },
  };
  writeFileSync(configFile, JSON.stringify(config));
});
afterAll(() => {
  removals.forEach((remove) => remove());
  rmSync(root, { recursive: true, force: true });
});

const begin = (runDir: string, set: string[] = []) =>
  train('pretrain', { configFile, runDir: join(root, runDir), resume: false, set }, quiet);

/** What must be equal of two runs: all but times and memory. */
const comparable = (records: readonly MetricsRecord[]) =>
  records.map(({ secondsPerStep: _s, cropsPerSecond: _c, memoryBytes: _m, ...rest }) => rest);

describe('a pretext task and a network of a test', () => {
  it('are known to the config: keys, defaults, rules, sizes', async () => {
    const loaded = (await loadConfig(configFile)).config as PretrainConfig;
    expect(loaded.method).toEqual({ name: 'brightness', patch: [16, 16, 32], perVolume: 3, strongest: 1 });
    const problems = (method: object): string[] =>
      diagnose(JSON.stringify({ ...config, method }), 'f').map(({ path, message }) => `${path}: ${message}`);
    expect(problems({ name: 'brightness', strongest: 0 })).toEqual([
      'method.strongest: a shift of 0 leaves nothing to tell',
    ]);
    expect(problems({ name: 'brightness', grid: [2, 2, 1] })[0]).toMatch(/^method\.grid: unknown key/);
    expect(problems({ name: 'brightness', patch: [16, 16, 30] })[0]).toMatch(/multiple of 4 for toy/);
    expect(problems({ name: 'brightnes' })[0]).toMatch(
      /must be "voco", .* or "brightness".*did you mean "brightness"\?/,
    );
    // Without a name the section is VoCo's, as it always was.
    expect(problems({ patch: [16, 16, 32] })[0]).toMatch(/^method\.patch: unknown key/);
  });

  it('train, and learn', async () => {
    const { runDir, outcome, plot } = await begin('whole', ['train.steps=60']);
    expect(outcome).toBe('finished');
    const records = await readMetrics(runDir);
    expect(records).toHaveLength(60);
    const mean = (part: readonly MetricsRecord[]) =>
      part.reduce((sum, { loss }) => sum + Number(loss), 0) / part.length;
    expect(mean(records.slice(-10))).toBeLessThan(0.7 * mean(records.slice(0, 10)));
    expect(records.filter((record) => 'validation/loss' in record)).toHaveLength(15);
    expect(readFileSync(plot, 'utf8')).toContain('class="panel">Guess of the shift');
    expect(chartsFor(Object.keys(records[3]!)).map(({ title }) => title)).toContain('Guess of the shift');
    expect(await readRunState(runDir)).toMatchObject({ kind: 'pretrain', state: 'finished', step: 60 });
    expect(JSON.parse(readFileSync(join(runDir, 'cases.json'), 'utf8'))).toMatchObject({ train: { length: 3 } });
  });

  it('give the same numbers in pieces, and go on exactly', async () => {
    const { runDir } = await begin('pieces');
    const wanted = comparable(await readMetrics(runDir));
    const whole = await begin('at-once', ['train.microBatch=6']);
    for (const [i, record] of (await readMetrics(whole.runDir)).entries()) {
      expect(Number(record.loss) / Number(wanted[i]!.loss)).toBeCloseTo(1, 3);
    }
    const copy = join(root, 'killed');
    cpSync(runDir, copy, { recursive: true });
    for (const { file, step } of (await listCheckpoints(copy)).checkpoints) if (step > 3) unlinkSync(file);
    const resumed = await train('pretrain', { runDir: copy, resume: true, set: [] }, quiet);
    expect(resumed).toMatchObject({ outcome: 'finished', step: 8 });
    expect(comparable(await readMetrics(copy))).toEqual(wanted);
  });

  it('are estimated, with a step that was timed', async () => {
    const estimate = await estimateTraining('pretrain', { configFile, resume: false, set: [] }, quiet);
    expect(estimate).toMatchObject({
      volumes: { train: 3, heldOut: 1 },
      network: { name: 'toy', cropsPerStep: 6, microBatch: 4 },
      time: { steps: 8, measured: true },
    });
    expect(estimate.network.parameters).toBeGreaterThan(100);
  });

  it('are previewed: the patch, what the network sees, and what is asked', async () => {
    const previewer = new CropPreviewer();
    const request = {
      choice: { kind: 'random', index: 1 },
      draw: 0,
      augment: { flip: true, rotate: true, shift: true },
    } as const;
    const answer = await previewer.preview(JSON.stringify(config), configFile, { caseIndex: 0, crop: request });
    if ('problems' in answer) throw new Error(answer.problems.join());
    expect(answer.grid.counts).toEqual([0, 0, 0]);
    expect([answer.randomCrops, answer.input]).toEqual([3, [16, 16, 32]]);
    expect(answer.crop.augmentation).toMatch(/^brighter by 0\.\d{3}$/);
    expect(answer.crop.goesIn[0]!.images).not.toEqual(answer.crop.plain);
    expect(answer.crop.question).toMatch(/brightened/);
    expect(answer.task).toEqual({ name: 'brightness', locates: false, resizable: false });
    expect(() => previewer.step(request)).toThrow(/brightness has no positions/);
    expect(() => previewer.question(request)).toThrow(/brightness has no answers/);
  });

  it('are exported as the encoder alone, with a card, and fine-tuned from', async () => {
    const { runDir } = await begin('exported');
    const { file } = (await latestCheckpoint(runDir))!;
    const out = join(root, 'toy.safetensors');
    await exportWeights({ file, out, format: 'safetensors', countCases });
    const { entries } = await readWeights(out);
    const names = entries.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(1);
    expect(names.every((name) => /^(stem|deep)\./.test(name))).toBe(true);
    const card = readFileSync(`${out}.md`, 'utf8');
    expect(card).toContain('by telling how much a patch was brightened');
    expect(card).toContain('3 volumes to train on, 1 held out');
    const downstream = join(root, 'down.voco.json');
    writeFileSync(
      downstream,
      JSON.stringify({
        ...{ kind: 'finetune', device: config.device, threads: 1, output: 'runs', network: config.network },
        task: { name: 'custom', classes: [{ name: 'liver', values: [6] }], unlisted: 'background' },
        data: {
          train: [{ datalist: 'phantom/dataset_0.json' }],
          preprocess: { spacing: null },
          cache: { folder: 'cache' },
        },
        crops: { size: [32, 32, 16], perVolume: 1 },
        init: { checkpoint: file },
        train: { steps: 2 },
      }),
    );
    const tuned = await train('finetune', { configFile: downstream, resume: false, set: [] }, quiet);
    expect(tuned.outcome).toBe('finished');
    const report = JSON.parse(readFileSync(join(tuned.runDir, 'init.json'), 'utf8')) as { loaded: string[] };
    expect([...report.loaded].sort()).toEqual([...names].sort());
    expect(existsSync(join(tuned.runDir, 'checkpoints'))).toBe(true);
  });
});
