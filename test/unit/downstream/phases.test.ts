import { cpSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { makeTaskPhantom } from '../../../src/data/phantom';
import { loadConfig } from '../../../src/config';
import { checkWeights } from '../../../src/convert/initialize';
import { trainedGroups } from '../../../src/downstream/groups';
import { createSegmenter } from '../../../src/nets';
import { checkpointFile, readRunState, readSafetensorsHeader } from '../../../src/runs';
import { networkDescriptors } from '../../../src/nets/descriptors';
import { estimateTraining, train } from '../../../src/train';
import { FULL } from '../../support/full';
import { differingTensors, makeTinyPhantom, stepsOf, trainingDevice } from '../../support/trainer';
import { killedAfter, quiet, runsFolder, writeFinetune, type Json } from './support';

/** The fine-tuning schedules in runs: what is kept to the bit, what is trained, and a resume in each phase. */
const root = runsFolder('phases');
let device: string;
let chests: { train: string; validation: string };

vi.setConfig({ testTimeout: 240_000 });

const networks: Readonly<Record<string, Json>> = {
  unet3d: { name: 'unet3d', featureSize: 4 },
  'swin-unetr': { name: 'swin-unetr', featureSize: 12 },
  // Its batch norms have running statistics.
  segresnet: { name: 'segresnet', variant: 'ct-fm', initFilters: 4, blocksDown: [1, 1, 1] },
};
const names = Object.keys(networks);

beforeAll(async () => {
  await makeTinyPhantom(root);
  const out = join(root, 'chests');
  const { datalist } = await makeTaskPhantom({ out, cases: 6, size: [24, 24, 24], seed: 1, task: 'cc-ccii' });
  chests = { train: datalist, validation: join(out, 'validation.csv') };
  device = await trainingDevice();
  for (const task of ['segmentation', 'classification'])
    for (const network of names) {
      const { runDir } = await start(task, network, 'weights', { train: { ...length(1), validateEvery: 9 } });
      cpSync(checkpointFile(runDir, 1), join(root, weightsOf(task, network)));
    }
});

const weightsOf = (task: string, network: string): string => `${task}-${network}.safetensors`;
const length = (steps: number): Json => ({ steps, batch: 2, validateEvery: 3, checkpointEvery: 1, keepLast: 99 });

const tasks: Readonly<Record<string, () => Json>> = {
  segmentation: () => ({
    task: { name: 'custom', unlisted: 'background', classes: [{ name: 'liver', values: [6] }] },
    data: {
      train: [{ datalist: 'phantom/dataset_0.json' }],
      validation: [],
      preprocess: { spacing: null },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 64], perVolume: 1 },
    inference: { overlap: 0 },
  }),
  classification: () => ({
    task: { name: 'cc-ccii' },
    data: {
      train: [{ datalist: chests.train }],
      validation: [{ datalist: chests.validation }],
      preprocess: { spacing: null, foreground: null, resize: [32, 32, 64] },
      cache: { folder: 'cache' },
    },
    crops: { size: [32, 32, 64], perVolume: 1 },
  }),
};

function configOf(task: string, network: string, name: string, change: Json = {}): string {
  return writeFinetune(root, `${task}-${network}-${name}`, {
    seed: 3,
    device,
    ...tasks[task]!(),
    network: networks[network],
    optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0.01 },
    train: length(8),
    ...change,
  });
}

const start = (task: string, network: string, name: string, change?: Json) =>
  train('finetune', { configFile: configOf(task, network, name, change), resume: false, set: [] }, quiet);

const phased = (task: string, network: string, phases: Json): Json => ({
  init: { checkpoint: weightsOf(task, network), encoderRate: 0.5 },
  schedule: { name: 'poly', phases },
});

/** Two steps of rise and two of fall for the decoder, two of rise and two of fall for all. */
const SAWTOOTH = { name: 'sawtooth', decoder: 0.5, warmup: 0.25 };

const encoderOf = (network: string) => (name: string) => networkDescriptors.get(network).stateDict.encoder.test(name);
const weightsAmong = (names: readonly string[]): string[] => names.filter((name) => !name.startsWith('optimizer.'));

/** Steps after which a sawtooth of eight is killed: one in each phase, for a transformer in the long form of the test. */
const killsOf = (network: string): number[] => (network !== 'swin-unetr' || FULL ? [1, 3, 4, 5, 7] : [3, 5]);

const pairs = names.flatMap((network) => Object.keys(tasks).map((task) => [task, network] as const));

describe.each(pairs)('a %s on %s', (task, network) => {
  const isEncoder = encoderOf(network);

  it('keeps the encoder of a sawtooth to the bit in its first phases, and resumes in each phase', async () => {
    const { runDir } = await start(task, network, 'sawtooth', phased(task, network, SAWTOOTH));
    const from = join(root, weightsOf(task, network));
    const changedAt = async (step: number): Promise<string[]> =>
      weightsAmong(await differingTensors(from, checkpointFile(runDir, step)));
    expect((await changedAt(4)).filter(isEncoder)).toEqual([]);
    expect((await changedAt(4)).length).toBeGreaterThan(0);
    expect((await changedAt(5)).filter(isEncoder).length).toBeGreaterThan(3);
    // No step was made and no momentum kept of what has no gradient.
    const moments = async (step: number): Promise<string[]> => {
      const { tensors } = await readSafetensorsHeader(checkpointFile(runDir, step));
      return [...tensors.keys()].filter((name) => name.startsWith('optimizer.encoder/momentum'));
    };
    expect(await moments(4)).toEqual([]);
    expect((await moments(5)).length).toBeGreaterThan(3);
    const steps = await stepsOf(runDir);
    const rates = (name: string): number[] => steps.map((record) => Number(record[name]));
    const peak = 0.01;
    const wanted = [peak / 2, peak, peak, peak * 0.5 ** 0.9, peak / 2, peak, peak, peak * 0.5 ** 0.9];
    rates('learningRate').forEach((rate, i) => expect(rate).toBeCloseTo(wanted[i]!, 9));
    expect(rates('learningRate/decoder')).toEqual(rates('learningRate'));
    rates('learningRate/encoder').forEach((rate, i) => expect(rate).toBeCloseTo(i < 4 ? 0 : wanted[i]! / 2, 9));
    const last = checkpointFile(runDir, 8);
    for (const step of killsOf(network)) {
      const copy = await killedAfter(runDir, step);
      await train('finetune', { runDir: copy, resume: true, set: [] }, quiet);
      expect(await stepsOf(copy), `from step ${step}`).toEqual(steps);
      expect(await differingTensors(checkpointFile(copy, 8), last), `from step ${step}`).toEqual([]);
    }
  });

  it('keeps the encoder of the frozen one to the bit through the run', async () => {
    const { runDir } = await start(task, network, 'frozen', phased(task, network, { name: 'frozen', warmup: 0.25 }));
    const before = join(root, weightsOf(task, network));
    const changed = weightsAmong(await differingTensors(before, checkpointFile(runDir, 8)));
    expect(changed.filter(isEncoder)).toEqual([]);
    expect(changed.length).toBeGreaterThan(0);
    const { tensors } = await readSafetensorsHeader(checkpointFile(runDir, 8));
    const kept = [...tensors.keys()].filter((name) => name.startsWith('optimizer.encoder'));
    expect(kept).toEqual([]);
    const copy = await killedAfter(runDir, 5);
    await train('finetune', { runDir: copy, resume: true, set: [] }, quiet);
    expect(await differingTensors(checkpointFile(copy, 8), checkpointFile(runDir, 8))).toEqual([]);
  });
});

describe('a fine-tuning in phases', () => {
  it('tells its phases in the log and its schedule in run.json, and a resume tells where it is', async () => {
    const said: string[] = [];
    const configFile = configOf('segmentation', 'unet3d', 'told', phased('segmentation', 'unet3d', SAWTOOTH));
    const { runDir } = await train('finetune', { configFile, resume: false, set: [] }, (text) => said.push(text));
    const phases = [
      'steps 1 to 2: the new weights, rate rises to 0.01',
      'steps 3 to 4: the new weights, rate falls from 0.01',
      'steps 5 to 6: the whole network, rate rises to 0.01',
      'steps 7 to 8: the whole network, rate falls from 0.01',
    ];
    expect(said.map((line) => line.trim())).toEqual(expect.arrayContaining(phases));
    const told = (dir: string): string[] =>
      readFileSync(join(dir, 'log.txt'), 'utf8')
        .split('\n')
        .flatMap((line) => phases.filter((phase) => line.endsWith(phase)));
    expect(told(runDir)).toEqual(phases);
    expect((await readRunState(runDir)).schedule).toBe('sawtooth (decoder 0.5, warmup 0.25, decoderRate 1), poly');
    const copy = await killedAfter(runDir, 5);
    await train('finetune', { runDir: copy, resume: true, set: [] }, quiet);
    expect(told(copy)).toEqual([...phases, ...phases.slice(2)]);
  });

  it.each(names)('trains a first layer for other channels with the new weights: %s', async (name) => {
    const file = configOf('segmentation', name, 'wide', phased('segmentation', name, SAWTOOTH));
    const { config } = await loadConfig(file, { kind: 'finetune', set: ['network.inChannels=3', 'data.channel=all'] });
    const network = createSegmenter(config.network, 2, { seed: 1 });
    const from = join(root, weightsOf('segmentation', name));
    const { branch, parts } = config.init;
    const carried = await checkWeights(from, network.parameters.layout, { branch, parts, network: config.network });
    const { groups, groupsAt } = trainedGroups({ config, totalSteps: 8, carried }, network);
    const [fresh, old] = groups.map(({ parameters }) => parameters.map((parameter) => parameter.name));
    const isEncoder = encoderOf(name);
    const wide = network.parameters.all.filter(({ torchShape }) => torchShape.length === 5 && torchShape[1] === 3);
    expect(wide.length).toBeGreaterThan(0);
    expect(fresh!.filter(isEncoder)).toEqual(wide.map((parameter) => parameter.name).filter(isEncoder));
    expect(old!.length).toBe(network.parameters.all.filter((one) => isEncoder(one.name)).length - wide.length);
    expect([0, 3, 4, 7].map(groupsAt)).toEqual([1, 1, 2, 2]);
    network.dispose();
  });

  it('says in a line that the report of its start is gone, and goes on with a copy', async () => {
    const { runDir } = await start('segmentation', 'unet3d', 'lost', phased('segmentation', 'unet3d', SAWTOOTH));
    const copy = await killedAfter(runDir, 3);
    renameSync(join(copy, 'init.json'), join(copy, 'away.json'));
    await expect(train('finetune', { runDir: copy, resume: true, set: [] }, quiet)).rejects.toThrow(
      /init\.json: is missing or damaged; .* schedule\.phases "sawtooth" goes by: put a copy of it back$/,
    );
    renameSync(join(copy, 'away.json'), join(copy, 'init.json'));
    expect((await train('finetune', { runDir: copy, resume: true, set: [] }, quiet)).outcome).toBe('finished');
  });

  it('is estimated: steps that keep the encoder are timed apart', async () => {
    const said: string[] = [];
    const configFile = configOf('segmentation', 'unet3d', 'timed', phased('segmentation', 'unet3d', SAWTOOTH));
    const estimate = await estimateTraining('finetune', { configFile, resume: false, set: [] }, (text) =>
      said.push(text),
    );
    expect(estimate.time.measured).toBe(true);
    expect(said.filter((line) => /^timing steps of 1 crop, 50\s?% of the run$/.test(line))).toHaveLength(2);
  });
});
