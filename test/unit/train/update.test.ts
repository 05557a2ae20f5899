import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../../src/config';
import { createRun, listCheckpoints, readMetrics, RunStateFile } from '../../../src/runs';
import { useDevice } from '../../../src/tensor/backends';
import { valueAndGradients } from '../../../src/tensor/autodiff';
import { AdamW, constantRate, LossScale, ScaledOptimizer, type Optimizer } from '../../../src/tensor/optim';
import * as tf from '../../../src/tensor/tf';
import { ProgressBar } from '../../../src/text/progressBar';
import { TrainingLoop, type LoopBatch, type Training } from '../../../src/train/loop';
import { RunRecorder } from '../../../src/train/recorder';
import type { StartedStep, StepResult } from '../../../src/train/types';
import { endStep, stepsAhead } from '../../../src/train/update';

const root = mkdtempSync(join(tmpdir(), 'voco-update-'));
beforeAll(() => useDevice('cpu'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Learns Σ (w·x)² of three weights; `x` may be so large that gradients overflow under a scale. */
function training(lossScale?: LossScale, readLate = false) {
  const w = tf.variable(tf.tensor1d([1, -2, 3]));
  const adam = new AdamW(new Map([['w', w]]), { amsgrad: true });
  const optimizer: Optimizer = lossScale ? new ScaledOptimizer(adam, lossScale) : adam;
  const options = { optimizer, schedule: constantRate(0.1), clipNorm: 1, readLate };
  const step = async (x: number, done: number): Promise<StepResult> => {
    const { value, gradients } = valueAndGradients(
      () => ({ loss: tf.sum(tf.square(tf.mul(w, x))) }),
      [w],
      lossScale?.value,
    );
    const { result } = await endStep(options, gradients, { loss: value.loss }, done);
    value.loss.dispose();
    return result;
  };
  return { w, optimizer, step };
}

describe('loss scale', () => {
  test('changes neither the update nor what is recorded of it', async () => {
    const [plain, scaled] = [training(), training(new LossScale(2 ** 10))];
    const tensors = tf.memory().numTensors;
    for (let i = 0; i < 4; i++) {
      const expected = (await plain.step(0.3, i)).scalars;
      expect((await scaled.step(0.3, i)).scalars).toEqual({ ...expected, lossScale: 2 ** 10 });
    }
    expect(Array.from(scaled.w.dataSync())).toEqual(Array.from(plain.w.dataSync()));
    // The optimizers' two or three moments.
    expect(tf.memory().numTensors - tensors).toBe(6);
  });

  test('a gradient that overflows under it skips the update and halves it; without it the run ends', async () => {
    const scale = new LossScale(4);
    const { w, step } = training(scale);
    const before = Array.from(w.dataSync());
    // The loss, 1.4e38, is finite; its gradient times 4 is not, times 1 it is.
    const large = 3.2e18;
    const first = await step(large, 0);
    expect(first.finite).toBe(true);
    expect(first.scalars).toEqual({ loss: expect.closeTo(1.4336e38, -35) as number, learningRate: 0.1, updateSkipped: 1, lossScale: 4 }); // prettier-ignore
    expect(Array.from(w.dataSync())).toEqual(before);
    expect(scale.value).toBe(2);
    expect((await step(0.5, 1)).scalars).not.toHaveProperty('updateSkipped');
    expect(Array.from(w.dataSync())).not.toEqual(before);
    expect((await training(new LossScale(1)).step(NaN, 0)).finite).toBe(false);
    expect((await training(new LossScale(4)).step(NaN, 0)).finite, 'a loss that is not finite').toBe(false);
  });

  test('at its smallest, a gradient that is not finite is not its doing', async () => {
    const scale = new LossScale(1);
    const w = tf.variable(tf.tensor1d([1]));
    const optimizer = new ScaledOptimizer(new AdamW(new Map([['w', w]])), scale);
    const options = { optimizer, schedule: constantRate(0.1), clipNorm: null };
    const { result } = await endStep(options, [tf.tensor1d([Infinity])], { loss: tf.scalar(1) }, 0);
    expect((await result).finite).toBe(false);
    expect(Array.from(w.dataSync())).toEqual([1]);
  });

  test('doubles after 2000 finite steps', () => {
    const scale = new LossScale(8);
    for (let i = 0; i < 1999; i++) scale.update(true);
    expect(scale.value).toBe(8);
    scale.update(true);
    expect(scale.value).toBe(16);
    for (let i = 0; i < 1999; i++) scale.update(true);
    scale.update(false);
    scale.update(true);
    expect(scale.value).toBe(8);
  });

  test('goes on exactly from the optimizer’s state, and begins anew from one of float32', async () => {
    const whole = training(new LossScale(4));
    const steps = [0.5, 3.2e18, 0.4, 0.3];
    for (const [i, x] of steps.slice(0, 2).entries()) await whole.step(x, i);
    const resumed = training(new LossScale());
    resumed.w.assign(whole.w);
    resumed.optimizer.loadState(whole.optimizer.state());
    expect(resumed.optimizer.lossScale!.state()).toEqual([2, 0]);
    for (const [i, x] of steps.slice(2).entries()) await Promise.all([whole.step(x, i), resumed.step(x, i)]);
    expect(Array.from(resumed.w.dataSync())).toEqual(Array.from(whole.w.dataSync()));
    const plain = training();
    await plain.step(0.5, 0);
    resumed.optimizer.loadState(plain.optimizer.state());
    expect(resumed.optimizer.lossScale!.state()).toEqual([2, 2]);
  });
});

describe('reading late', () => {
  test('gives the same weights and numbers', async () => {
    const [now, late] = [training(), training(undefined, true)];
    const open: Promise<StepResult>[] = [];
    for (let i = 0; i < 4; i++) open.push(late.step(0.3 + i, i));
    for (let i = 0; i < 4; i++) expect(await open[i]).toEqual(await now.step(0.3 + i, i));
    expect(Array.from(late.w.dataSync())).toEqual(Array.from(now.w.dataSync()));
  });

  test('is for GPUs that need not wait, and not with a loss scale', () => {
    expect(stepsAhead({ backend: 'webgpu', precision: 'float32' })).toBe(1);
    expect(stepsAhead({ backend: 'webgpu', precision: 'float16' })).toBe(0);
    expect(stepsAhead({ backend: 'onednn', precision: 'float32' })).toBe(0);
  });
});

/** A device whose numbers of a step come only once the next step was given to it, or nothing more will be. */
class LateTask implements Training<LoopBatch> {
  given = 0;
  private finish: (() => void) | undefined;

  constructor(
    private readonly isLast: (step: number) => boolean,
    private readonly broken?: number,
  ) {}

  next(): Promise<LoopBatch> {
    return Promise.resolve({ epoch: 0, cases: [`scan${this.given + 1}.nii.gz`] });
  }

  step(_batch: LoopBatch, done: number): Promise<StartedStep> {
    this.given += 1;
    const number = done + 1;
    const numbers: StepResult = { scalars: { loss: number / 10 }, finite: number !== this.broken };
    this.finish?.();
    const result = new Promise<StepResult>((resolve) => (this.finish = () => resolve(numbers)));
    if (this.isLast(number)) this.finish!();
    return Promise.resolve({ result });
  }

  release(): void {}
  cropCount = (): number => 2;
  describe = (): Record<string, unknown> => ({});
  validate = (): Promise<Record<string, number>> => Promise.resolve({ loss: this.given });
  tensors = () => Promise.resolve([{ name: 'w', dtype: 'F32', shape: [1], data: Float32Array.of(this.given) }] as const).then((all) => [...all]); // prettier-ignore
  summary = (): string => '';
}

async function loopOn(task: LateTask, name: string) {
  const config = { kind: 'pretrain', name } as Config;
  const runDir = await createRun({ root, name, kind: 'pretrain', config, totalSteps: 7 });
  const recorder = new RunRecorder(runDir, await RunStateFile.open(runDir));
  await recorder.begin(undefined);
  const loop = new TrainingLoop(
    {
      runDir,
      config,
      totalSteps: 7,
      validateEvery: 4,
      checkpointEvery: 3,
      retention: { keepLast: 9 },
      checkpointAtValidation: false,
      startStep: 0,
      stepsAhead: 1,
      recorder,
      bar: new ProgressBar('', 7),
    },
    task,
  );
  const close = () => recorder.close();
  return { runDir, loop, close };
}

const checkpointsOf = async (runDir: string): Promise<number[]> =>
  (await listCheckpoints(runDir)).checkpoints.map(({ step }) => step);

describe('a loop one step ahead of the numbers', () => {
  const boundary = (step: number): boolean => step % 4 === 0 || step % 3 === 0 || step === 7;

  test('records every step once, with its own numbers, validation and checkpoint', async () => {
    const { runDir, loop, close } = await loopOn(new LateTask(boundary), 'late');
    expect(await loop.run()).toBe('finished');
    await close();
    const metrics = await readMetrics(runDir);
    expect(metrics.map(({ step, loss }) => [step, loss])).toEqual(
      Array.from({ length: 7 }, (_, i) => [i + 1, (i + 1) / 10]),
    );
    expect(metrics.filter((line) => 'validation/loss' in line).map((line) => [line.step, line['validation/loss']])).toEqual([[4, 4], [7, 7]]); // prettier-ignore
    expect((await checkpointsOf(runDir)).sort()).toEqual([3, 6, 7]);
  });

  test.each([
    [5, [1, 2, 3, 4]],
    [6, [1, 2, 3, 4, 5]],
  ])('ends before a checkpoint could hold what is not finite: step %i', async (broken, recorded) => {
    const task = new LateTask(boundary, broken);
    const { runDir, loop, close } = await loopOn(task, `broken-${broken}`);
    const message = `a gradient was not finite at step ${broken}; the batch was scan${broken}.nii.gz (see `;
    await expect(loop.run()).rejects.toThrow(message);
    await close();
    expect(task.given, 'of step 5 one hears after step 6 has begun').toBe(6);
    expect((await readMetrics(runDir)).map(({ step }) => step)).toEqual(recorded);
    expect(await checkpointsOf(runDir)).toEqual([3]);
  });
});
