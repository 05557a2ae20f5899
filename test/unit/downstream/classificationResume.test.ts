import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { makeTaskPhantom } from '../../../src/data/phantom';
import { checkpointFile, readRunState } from '../../../src/runs';
import { train } from '../../../src/train';
import { differingTensors, metricsLines, startVoco, stepsOf, trainingDevice, until } from '../../support/trainer';
import { killedAfter, quiet, runsFolder, writeFinetune, type Json } from './support';

/** A classification that was interrupted ends with the weights, to the bit, of one that was not. */
const root = runsFolder('classify-kept');
let device: string;
let lists: { train: string; validation: string };

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  const out = join(root, 'chests');
  const { datalist } = await makeTaskPhantom({ out, cases: 10, size: [24, 24, 24], seed: 1, task: 'cc-ccii' });
  lists = { train: datalist, validation: join(out, 'validation.csv') };
  device = await trainingDevice();
  const { runDir } = await start('weights', { train: { steps: 1 } });
  cpSync(checkpointFile(runDir, 1), join(root, 'weights.safetensors'));
});

function write(name: string, change: Json = {}): string {
  return writeFinetune(root, name, {
    seed: 3,
    device,
    task: { name: 'cc-ccii' },
    data: {
      train: [{ datalist: lists.train }],
      validation: [{ datalist: lists.validation }],
      preprocess: { spacing: null, foreground: null, resize: [32, 32, 32] },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 32], perVolume: 1 },
    network: { name: 'unet3d', featureSize: 4 },
    optimizer: { lr: 0.001 },
    // A validation measures the statistics of the features anew, so one lies before and one after the interruption.
    train: { steps: 7, batch: 2, validateEvery: 2, checkpointEvery: 3, keepLast: 9 },
    ...change,
  });
}

const start = (name: string, change?: Json) =>
  train('finetune', { configFile: write(name, change), resume: false, set: [] }, quiet);

describe('a classification that is resumed goes on bit for bit', () => {
  it.each<[string, Json]>([
    ['AdamW, all of it trained', {}],
    ['a frozen encoder, weighted classes', { init: { freezeEncoder: true }, loss: { classWeights: [1, 2, 1] } }],
    [
      'an encoder that is frozen for the first five steps',
      { init: { checkpoint: 'weights.safetensors', freezeFor: 0.7 } },
    ],
    ['SGD, a slow encoder', { init: { encoderRate: 0.1 }, optimizer: { name: 'sgd', lr: 0.01, clipNorm: 1 } }],
  ])('%s', async (name, change) => {
    const through = await start(name.replace(/\W+/g, '-'), change);
    const copy = await killedAfter(through.runDir, 3);
    const resumed = await train('finetune', { runDir: copy, resume: true, set: [] }, quiet);
    expect(resumed).toMatchObject({ outcome: 'finished', step: 7 });
    expect((await readRunState(copy)).resumedAt).toEqual([3]);
    const steps = await stepsOf(copy);
    expect(steps.filter((record) => 'validation/accuracy' in record)).toHaveLength(4);
    expect(steps).toEqual(await stepsOf(through.runDir));
    const last = (folder: string): string => checkpointFile(folder, 7);
    expect(await differingTensors(last(copy), last(through.runDir))).toEqual([]);
    expect(await differingTensors(last(copy), checkpointFile(copy, 6))).not.toEqual([]);
  });

  it('at SIGTERM, in a process of its own', async () => {
    const long = {
      train: { steps: 100000, batch: 2, validateEvery: 2, checkpointEvery: 100000 },
      schedule: { name: 'constant' },
    };
    const runDir = join(root, 'signal');
    const { child, finished } = startVoco(['finetune', write('signal', long), '--run', runDir], root);
    await until(() => metricsLines(runDir) >= 3, 'three steps');
    child.kill('SIGTERM');
    expect((await finished).code).toBe(130);
    const { step } = await readRunState(runDir);
    const set = [`train.steps=${step + 3}`];
    await train('finetune', { runDir, resume: true, set }, quiet);
    const whole = await train('finetune', { configFile: write('signal', long), resume: false, set }, quiet);
    expect(await stepsOf(runDir)).toEqual(await stepsOf(whole.runDir));
    const last = (folder: string): string => checkpointFile(folder, step + 3);
    expect(await differingTensors(last(runDir), last(whole.runDir))).toEqual([]);
  });
});
