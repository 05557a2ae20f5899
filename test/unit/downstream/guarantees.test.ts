import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { listCheckpoints, readCheckpoint, readRunState, sendCommand } from '../../../src/runs';
import { train } from '../../../src/train';
import {
  differingTensors,
  lastCheckpointStep,
  makeTinyPhantom,
  metricsLines,
  phaseOf,
  startVoco,
  stepsOf,
  trainingDevice,
  until,
  voco,
} from '../../support/trainer';
import { quiet, runsFolder, writeFinetune, type Json } from './support';

/** What fine-tuning promises as pre-training does: nothing is lost, and what it did is on record. */
const root = runsFolder('finetune-kept');
let device: string;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
});

function write(name: string, change: Json = {}): string {
  return writeFinetune(root, name, {
    device,
    task: { name: 'custom', unlisted: 'background', classes: [{ name: 'liver', values: [6] }] },
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      preprocess: { spacing: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [16, 16, 32], perVolume: 1 },
    network: { name: 'unet3d', featureSize: 4 },
    schedule: { name: 'constant' },
    train: { steps: 100000, checkpointEvery: 100000, validateEvery: 100000 },
    ...change,
  });
}

const steps = (count: number): Json => ({ train: { steps: count, checkpointEvery: 100, validateEvery: 100 } });

async function lastFile(runDir: string): Promise<string> {
  return (await listCheckpoints(runDir)).checkpoints.at(-1)!.file;
}

describe('a fine-tuning that runs', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'writes a checkpoint at %s, and is then what it would have been',
    async (signal) => {
      const runDir = join(root, signal);
      const { child, finished } = startVoco(['finetune', write(signal), '--run', runDir, '--json'], root);
      await until(() => metricsLines(runDir) >= 2, 'two steps');
      child.kill(signal);
      const ended = await finished;
      expect(ended).toMatchObject({ code: 130, signal: null });
      const { step, state, exitReason } = await readRunState(runDir);
      expect([state, exitReason]).toEqual(['interrupted', `interrupted by ${signal}`]);
      expect(await lastCheckpointStep(runDir)).toBe(step);
      const more = [`train.steps=${step + 2}`];
      await train('finetune', { runDir, resume: true, set: more }, quiet);
      const whole = await train('finetune', { configFile: write(signal), resume: false, set: more }, quiet);
      expect(await stepsOf(runDir)).toEqual(await stepsOf(whole.runDir));
      expect(await differingTensors(await lastFile(runDir), await lastFile(whole.runDir))).toEqual([]);
    },
  );

  it('pauses, writes a checkpoint, goes on and stops through its control socket', async () => {
    const runDir = join(root, 'steered');
    const { finished } = startVoco(['finetune', write('steered'), '--run', runDir], root);
    await until(() => metricsLines(runDir) >= 1, 'a step');
    await sendCommand(runDir, 'pause');
    await until(async () => (await phaseOf(runDir)) === 'paused', 'the pause');
    const { step } = await sendCommand(runDir, 'status');
    await sendCommand(runDir, 'checkpoint');
    await until(async () => (await lastCheckpointStep(runDir)) === step, 'the checkpoint');
    expect(metricsLines(runDir)).toBe(step);
    await sendCommand(runDir, 'resume');
    await until(() => metricsLines(runDir) > step, 'a step after the pause');
    const second = await voco(['finetune', '--resume', '--run', runDir], root);
    expect(second).toMatchObject({ code: 2, stdout: '' });
    await sendCommand(runDir, 'stop');
    expect((await finished).code).toBe(130);
    expect(await readRunState(runDir)).toMatchObject({ state: 'interrupted', exitReason: 'stopped on request' });
  });

  it('ends at a loss that is not finite, with the batch on record and no broken checkpoint', async () => {
    const explosive = { optimizer: { lr: 1e30 }, train: { steps: 20, checkpointEvery: 1, validateEvery: 20 } };
    const runDir = join(root, 'explodes');
    const request = { configFile: write('explodes', explosive), runDir, resume: false, set: [] };
    await expect(train('finetune', request, quiet)).rejects.toThrow(/not finite .*step \d+; .*lower optimizer\.lr/s);
    expect((await readRunState(runDir)).state).toBe('failed');
    const { checkpoints, unreadable } = await listCheckpoints(runDir);
    expect(unreadable).toEqual([]);
    for (const { file } of checkpoints) {
      const { tensors } = await readCheckpoint(file);
      for (const { data } of tensors) {
        if (data instanceof Float32Array) expect(data.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe('few-shot', () => {
  it('takes a seeded, nested part of the cases, and records which', async () => {
    const chosen = async (...set: string[]): Promise<string[]> => {
      const { runDir } = await train('finetune', { configFile: write('few', steps(1)), resume: false, set }, quiet);
      return (JSON.parse(readFileSync(join(runDir, 'cases.json'), 'utf8')) as { train: string[] }).train;
    };
    const one = await chosen('data.cases=1');
    const two = await chosen('data.cases=2');
    expect([one.length, two.length]).toEqual([1, 2]);
    expect(two).toEqual(expect.arrayContaining(one));
    expect(await chosen('data.fraction=0.6')).toEqual(two);
    const bySeed = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (seed) => (await chosen('data.cases=1', `seed=${seed}`))[0]),
    );
    expect(bySeed[0]).toBe(one[0]);
    expect(new Set(bySeed).size).toBeGreaterThan(1);
    await expect(chosen('data.cases=9')).rejects.toThrow(/data\.cases: 9 training volumes are requested/);
  });
});

describe('the encoder’s own learning rate', () => {
  it('is that multiple of the other, from the first step on', async () => {
    const sgd = { optimizer: { name: 'sgd', lr: 0.01, momentum: 0, weightDecay: 0 }, ...steps(1) };
    const start = await train('finetune', { configFile: write('start', steps(1)), resume: false, set: [] }, quiet);
    const checkpoint = await lastFile(start.runDir);
    const weights = async (rate: number): Promise<Map<string, Float32Array>> => {
      const configFile = write(`rate-${rate}`, { ...sgd, init: { checkpoint, encoderRate: rate } });
      const { runDir } = await train('finetune', { configFile, resume: false, set: [] }, quiet);
      const { tensors } = await readCheckpoint(await lastFile(runDir));
      return new Map(tensors.map(({ name, data }) => [name, data as Float32Array]));
    };
    const before = new Map(
      (await readCheckpoint(checkpoint)).tensors.map(({ name, data }) => [name, data as Float32Array]),
    );
    const [full, tenth] = [await weights(1), await weights(0.1)];
    const change = (after: Map<string, Float32Array>, name: string): number =>
      Math.hypot(...after.get(name)!.map((value, i) => value - before.get(name)![i]!));
    const [inner, outer] = ['encoder.2.conv1.weight', 'out.weight'];
    expect(change(full, inner!)).toBeGreaterThan(1e-5);
    expect(change(tenth, inner!) / change(full, inner!)).toBeCloseTo(0.1, 2);
    expect(change(tenth, outer!) / change(full, outer!)).toBeCloseTo(1, 5);
  });
});
