import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Config } from '../../../src/config';
import type { Watched } from '../../../src/rpc/breath';
import { createRun, listCheckpoints, readMetrics, readRunState, RunStateFile } from '../../../src/runs';
import { ProgressBar } from '../../../src/text/progressBar';
import { isOwed, TrainingLoop, type LoopBatch, type Training } from '../../../src/train/loop';
import { RunRecorder } from '../../../src/train/recorder';
import { Steering } from '../../../src/train/steering';
import type { StartedStep } from '../../../src/train/types';

const root = mkdtempSync(join(tmpdir(), 'voco-interrupted-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const STEPS = 6;
const PIECES = 5;
const CASES = 4;
const config = { kind: 'pretrain', name: 'interrupted' } as Config;
type At = (place: string) => void | Promise<void>;

/** Steps of several pieces and validations of several cases; tells where it is between them. */
class PiecewiseTask implements Training<LoopBatch> {
  readonly seen: string[] = [];

  constructor(private readonly at: At) {}

  private async reach(place: string): Promise<void> {
    this.seen.push(place);
    await this.at(place);
  }

  async next(): Promise<LoopBatch> {
    await this.reach('loading');
    return { epoch: 0, cases: ['scan.nii.gz'] };
  }

  async step(
    _batch: LoopBatch,
    done: number,
    giveWay: (done: number, total: number) => Promise<void>,
  ): Promise<StartedStep> {
    for (let piece = 1; piece <= PIECES; piece++) {
      await this.reach(`step ${done + 1} piece ${piece}`);
      await giveWay(piece, PIECES);
    }
    return { result: Promise.resolve({ scalars: { loss: 1 / (done + 1) }, finite: true }) };
  }

  async validate(watched: Watched): Promise<Record<string, number>> {
    for (let item = 1; item <= CASES; item++) {
      watched.tell(`validating case ${item} of ${CASES}`, item / CASES);
      await this.reach(`case ${item}`);
      await watched.giveWay();
    }
    return { loss: 0.5 };
  }

  release(): void {}
  cropCount = (): number => 2;
  describe = (): Record<string, unknown> => ({});
  tensors = () => Promise.resolve([{ name: 'w', dtype: 'F32' as const, shape: [1], data: Float32Array.of(1) }]);
  summary = (): string => '';
}

/** Runs a loop in a run directory, from its newest checkpoint where it has one. */
async function work(runDir: string, at: (place: string, steering: Steering) => void | Promise<void>) {
  const steering = new Steering();
  const task = new PiecewiseTask((place) => at(place, steering));
  const newest = (await listCheckpoints(runDir)).checkpoints.at(-1);
  const recorder = new RunRecorder(runDir, await RunStateFile.open(runDir));
  await recorder.begin(newest?.step);
  const settings = {
    ...{ runDir, config, recorder, totalSteps: STEPS, validateEvery: 3, checkpointEvery: 100, stepsAhead: 0 },
    retention: { keepLast: 9 },
    checkpointAtValidation: true,
    startStep: newest?.step ?? 0,
    ...(newest && isOwed(newest.metadata) && { owed: newest.metrics }),
    bar: new ProgressBar('', STEPS),
  };
  const stopShowing = recorder.show(steering, () => undefined);
  try {
    return { outcome: await new TrainingLoop(settings, task, steering).run(), seen: task.seen };
  } finally {
    stopShowing();
    await recorder.close();
  }
}

const newRun = (): Promise<string> =>
  createRun({ root, name: 'interrupted', kind: 'pretrain', config, totalSteps: STEPS });
const stepsIn = async (runDir: string) => (await readMetrics(runDir)).map(({ step }) => step);
const validatedIn = async (runDir: string) =>
  (await readMetrics(runDir)).filter((line) => 'validation/loss' in line).map(({ step }) => step);
const savedIn = async (runDir: string) =>
  (await listCheckpoints(runDir)).checkpoints.map(({ step, metadata }) => `${step}${isOwed(metadata) ? ' owed' : ''}`);

/** An untroubled run has these. */
async function expectWhole(runDir: string): Promise<void> {
  expect(await stepsIn(runDir)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await validatedIn(runDir)).toEqual([3, 6]);
  const { checkpoints } = await listCheckpoints(runDir);
  for (const step of [3, 6]) {
    const found = checkpoints.find((one) => one.step === step)!;
    expect(found.metrics).toEqual({ loss: 1 / step, 'validation/loss': 0.5 });
    expect(isOwed(found.metadata)).toBe(false);
  }
}

describe('a stop', () => {
  test.each([
    ['in a validation', 'case 2', 'case 3', [1, 2, 3], ['3 owed'], 'case 1'],
    ['in the last validation', 'case 3', 'case 4', [1, 2, 3, 4, 5, 6], ['3', '6 owed'], 'case 1'],
    ['in a step', 'step 5 piece 2', 'step 5 piece 3', [1, 2, 3, 4], ['3', '4'], 'loading'],
    ['while a batch is loaded', 'loading', 'step 3 piece 1', [1, 2], ['2'], 'loading'],
  ])(
    '%s ends before the next piece, saves the last finished step, and what was broken off is done again',
    async (...of) => {
      const [, place, next, steps, saved, again] = of;
      const runDir = await newRun();
      const times = place === 'loading' ? 3 : place === 'case 3' ? 2 : 1;
      let met = 0;
      const { outcome, seen } = await work(runDir, (at, steering) => {
        if (at === place && ++met === times) steering.stop('stopped by the test');
      });
      expect(outcome).toBe('interrupted');
      expect(seen.lastIndexOf(place)).toBe(seen.length - 1);
      expect(seen.slice(seen.lastIndexOf(place))).not.toContain(next);
      expect(await stepsIn(runDir)).toEqual(steps);
      expect(await savedIn(runDir)).toEqual(saved);
      const second = await work(runDir, () => undefined);
      expect(second.outcome).toBe('finished');
      expect(second.seen[0]).toBe(again);
      await expectWhole(runDir);
    },
  );

  test('in a validation that is done again leaves it owed', async () => {
    const runDir = await newRun();
    const stopIn = (place: string) => (at: string, steering: Steering) => {
      if (at === place) steering.stop('stopped by the test');
    };
    await work(runDir, stopIn('case 2'));
    await work(runDir, stopIn('case 4'));
    expect(await stepsIn(runDir)).toEqual([1, 2, 3]);
    expect(await savedIn(runDir)).toEqual(['3 owed']);
    await work(runDir, () => undefined);
    await expectWhole(runDir);
  });

  test('shows at once, with what it waits for', async () => {
    const runDir = await newRun();
    const { outcome } = await work(runDir, async (at, steering) => {
      if (at !== 'case 2') return;
      steering.stop('stopped by the test');
      await expect
        .poll(() => readRunState(runDir))
        .toMatchObject({
          state: 'stopping',
          activity: { what: 'validating case 2 of 4', share: 0.5 },
        });
    });
    expect(outcome).toBe('interrupted');
  });
});

describe('a pause', () => {
  test.each([
    ['in a validation', 'case 2', 3, ['3 owed']],
    ['in a step', 'step 5 piece 2', 4, ['3', '4']],
    ['while a batch is loaded', 'loading', 2, ['2']],
  ])('%s holds there with a checkpoint, and changes nothing of the run', async (_, place, done, saved) => {
    const runDir = await newRun();
    const times = place === 'loading' ? 3 : 1;
    let met = 0;
    let held: Promise<void> | undefined;
    const { outcome, seen } = await work(runDir, (at, steering) => {
      if (at !== place || ++met !== times) return;
      expect(steering.command('pause').state).toBe('pausing');
      held = (async () => {
        await expect.poll(() => readRunState(runDir)).toMatchObject({ state: 'paused' });
        expect(await savedIn(runDir)).toEqual(saved);
        expect(await stepsIn(runDir)).toHaveLength(done);
        expect(steering.command('status')).toMatchObject({ state: 'paused', step: done });
      })().finally(() => steering.command('resume'));
    });
    await held;
    expect(outcome).toBe('finished');
    await expectWhole(runDir);
    // What a pause breaks off in a step is computed again with the batch that it had.
    expect(seen.filter((at) => at === 'loading')).toHaveLength(STEPS);
  });
});

test('a validation that fails costs no steps', async () => {
  const runDir = await newRun();
  const failing = work(runDir, (at) => {
    if (at === 'case 2') throw new Error('scan2.nii.gz: damaged');
  });
  await expect(failing).rejects.toThrow('scan2.nii.gz: damaged');
  expect(await stepsIn(runDir)).toEqual([1, 2, 3]);
  expect(await savedIn(runDir)).toEqual(['3 owed']);
});
