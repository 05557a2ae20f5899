import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listCheckpoints, readMetrics, readRunState, readStudy, sendCommand } from '../../../src/runs';
import { estimateTraining, train } from '../../../src/train';
import { estimateStudy, study } from '../../../src/study';
import { makeTinyPhantom, stepsOf, trainingDevice, until } from '../../support/trainer';
import { runFiles } from '../../../src/runs/files';

const folder = mkdtempSync(join(tmpdir(), 'voco-study-'));
afterAll(() => rmSync(folder, { recursive: true }));
const quiet = (): void => undefined;
let base: Record<string, unknown>;
let checkpoint: string;

function write(name: string, change: Record<string, unknown> = {}): string {
  const file = join(folder, `${name}.voco.json`);
  writeFileSync(file, JSON.stringify({ ...base, name, ...change }));
  return file;
}

beforeAll(async () => {
  await makeTinyPhantom(folder);
  base = {
    kind: 'finetune',
    threads: 1,
    device: await trainingDevice(),
    output: 'runs',
    task: { name: 'custom', unlisted: 'background', classes: [{ name: 'liver', values: [6] }] },
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      validation: [{ datalist: 'phantom/dataset_0.json', key: 'validation' }],
      preprocess: { spacing: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [16, 16, 32], perVolume: 1 },
    network: { name: 'unet3d', featureSize: 4 },
    optimizer: { lr: 0.003 },
    train: { steps: 3, validateEvery: 3, checkpointEvery: 1 },
    inference: { overlap: 0 },
  };
  const first = await train('finetune', { configFile: write('first'), resume: false, set: [] }, quiet);
  checkpoint = (await listCheckpoints(first.runDir)).checkpoints.at(-1)!.file;
});

const compare = (seeds: readonly number[], cases: readonly number[] = [1, 3]): Record<string, unknown> => ({
  init: { checkpoint, encoderRate: 0.5, kernelScale: 0.25 },
  schedule: { phases: { name: 'sawtooth', decoder: 0.4, warmup: 0.3 } },
  study: { cases, seeds },
});

describe('a study', () => {
  it('runs both sides on the same cases and crops, and reports what the runs measured', async () => {
    const said: string[] = [];
    const result = await study({ configFile: write('all', compare([0, 5])), resume: false, set: [] }, (text) =>
      said.push(text),
    );
    const { runs, points, differences } = await readStudy(result.runDir);
    expect(runs.map(({ arm, cases, seed }) => `${cases} ${seed} ${arm}`)).toEqual([
      '1 0 pretrained',
      '1 0 scratch',
      '3 0 pretrained',
      '3 0 scratch',
      '1 5 pretrained',
      '1 5 scratch',
      '3 5 pretrained',
      '3 5 scratch',
    ]);
    const json = (run: string, file: string) =>
      JSON.parse(readFileSync(join(result.runDir, run, file), 'utf8')) as unknown;
    for (const { run, arm, cases, seed, score, state, classes } of runs) {
      const dir = join(result.runDir, run);
      const last = (await readMetrics(dir)).at(-1)!;
      expect(state).toBe('finished');
      expect(score).toBe(last['validation/dice']);
      expect(classes).toEqual({ liver: last['validation/dice/liver'] });
      const config = json(run, 'config.json') as {
        seed: number;
        init: { checkpoint: string | null; encoderRate: number; kernelScale: number | null };
        schedule: { phases: object };
      };
      expect(config.seed).toBe(seed);
      expect(config.init.checkpoint).toBe(arm === 'scratch' ? null : checkpoint);
      expect(config.init.encoderRate).toBe(arm === 'scratch' ? 1 : 0.5);
      expect(config.schedule.phases).toEqual(
        arm === 'scratch'
          ? { name: 'warm-up', warmup: 0.3 }
          : { name: 'sawtooth', decoder: 0.4, warmup: 0.3, decoderRate: 1 },
      );
      expect(config.init.kernelScale).toBe(arm === 'scratch' ? null : 0.25);
      expect((json(run, 'cases.json') as { train: string[] }).train).toHaveLength(cases);
      expect(existsSync(join(dir, 'init.json'))).toBe(arm === 'pretrained');
      expect((await readRunState(dir)).totalSteps).toBe(3);
    }
    const [ours, scratch] = runs;
    expect(json(ours!.run, 'cases.json')).toEqual(json(scratch!.run, 'cases.json'));
    expect(differences[0]!.mean).toBeCloseTo(
      (runs[0]!.score! - runs[1]!.score! + runs[4]!.score! - runs[5]!.score!) / 2,
    );
    expect(points).toHaveLength(4);
    expect(result).toMatchObject({ outcome: 'finished', exitCode: 0, points, differences });
    expect(said.some((line) => line.startsWith('3 cases: Dice pre-trained'))).toBe(true);
    expect(readFileSync(result.plot, 'utf8')).toContain('from scratch');
    const state = await readRunState(result.runDir);
    expect(state).toMatchObject({ kind: 'study', state: 'finished', step: 24, totalSteps: 24 });
  });

  it('that was stopped goes on with the run that it stopped, and does none twice', async () => {
    const configFile = write('stopped', {
      ...compare([0], [1, 2]),
      train: { steps: 12, checkpointEvery: 5, validateEvery: 12 },
    });
    const runDir = join(mkdtempSync(join(folder, 'stopped-')), 'run');
    const running = study({ configFile, runDir, resume: false, set: [] }, quiet);
    const second = join(runDir, 'runs/cases-1-seed-0-scratch');
    await until(() => existsSync(join(second, 'control.sock')), 'the second run');
    await sendCommand(runDir, 'stop');
    expect(await running).toMatchObject({ outcome: 'interrupted', exitCode: 130 });
    const states = async () => (await readStudy(runDir)).runs.map(({ state }) => state);
    expect(await states()).toEqual(['finished', 'interrupted', 'queued', 'queued']);
    expect(await readRunState(runDir)).toMatchObject({ state: 'interrupted', exitReason: 'stopped on request' });
    const first = join(runDir, 'runs/cases-1-seed-0-pretrained');
    const before = readFileSync(join(first, 'run.json'), 'utf8');
    expect(await study({ runDir, resume: true, set: [] }, quiet)).toMatchObject({ outcome: 'finished' });
    expect(await states()).toEqual(['finished', 'finished', 'finished', 'finished']);
    expect(readFileSync(join(first, 'run.json'), 'utf8')).toBe(before);
    // What was interrupted is what it would have been: the same run without a break.
    const whole = await train(
      'finetune',
      { configFile: join(second, 'config.json'), runDir: `${runDir}-whole`, resume: false, set: [] },
      quiet,
    );
    expect(await stepsOf(second)).toEqual(await stepsOf(whole.runDir));
    await expect(train('finetune', { runDir, resume: true, set: [] }, quiet)).rejects.toThrow(/this run is a study/);
  });

  it('is estimated as all of its runs together', async () => {
    const request = { configFile: write('estimate', compare([0, 1])), resume: false, set: [] };
    const one = await estimateTraining('finetune', request, quiet);
    const whole = await estimateStudy(request, quiet);
    expect(whole.time.steps).toBe(8 * one.time.steps);
    expect(whole.checkpoints.bytes).toBe(8 * one.checkpoints.bytes);
    expect(whole.kind).toBe('study');
  });

  it('counts shares of the cases, and doublings where nothing is said', async () => {
    const stop = ['train.steps=1', 'train.validateEvery=1'];
    const shares = { init: { checkpoint }, study: { fractions: [1, 0.34], seeds: [0] } };
    const byShare = await study({ configFile: write('shares', shares), resume: false, set: stop }, quiet);
    expect((await readStudy(byShare.runDir)).runs.map(({ amount, cases }) => [amount, cases])).toEqual([
      [0.34, 1],
      [0.34, 1],
      [1, 3],
      [1, 3],
    ]);
    const all = await study(
      { configFile: write('doubling', { init: { checkpoint }, study: { seeds: [0] } }), resume: false, set: stop },
      quiet,
    );
    expect((await readStudy(all.runDir)).amounts).toEqual([1, 2, 3]);
  });
});

describe('a study that cannot be', () => {
  it.each([
    ['without a checkpoint', { study: { cases: [1] } }, /set init\.checkpoint to pre-trained weights/],
    ['on more cases than there are', () => compare([0], [1, 9]), /requests 9 training volumes, but there are only 3/],
    ['of both kinds', () => ({ ...compare([0]), study: { cases: [1], fractions: [1] } }), /not both/],
    ['with a seed twice', () => compare([1, 1]), /1 is listed twice/],
  ])('%s is refused before anything is made', async (name, change, message) => {
    const configFile = write('refused', { ...(typeof change === 'function' ? change() : change), output: name });
    await expect(study({ configFile, resume: false, set: [] }, quiet)).rejects.toThrow(message);
    expect(existsSync(join(folder, name))).toBe(false);
  });

  it('fails with its first run, whose checkpoint does not fit, and says so', async () => {
    const runDir = join(folder, 'misfit');
    const network = { name: 'swin-unetr', featureSize: 12 };
    const configFile = write('misfit', { ...compare([0]), network, crops: { size: [32, 32, 64], perVolume: 1 } });
    await expect(study({ configFile, runDir, resume: false, set: [] }, quiet)).rejects.toThrow(/0 of \d+ tensors/);
    expect((await readStudy(runDir)).runs.map(({ state }) => state)).toEqual(['failed', 'queued', 'queued', 'queued']);
    expect(await readRunState(runDir)).toMatchObject({ state: 'failed' });
    expect(existsSync(runFiles(runDir).studyTable)).toBe(true);
  });
});
