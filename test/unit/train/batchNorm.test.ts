import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { taskOf } from '../../../src/catalog';
import { loadConfig, type PretrainConfig } from '../../../src/config';
import { createEncoder, createSegmenter, TrainingPass, type NetworkConfig } from '../../../src/nets';
import type { StateEntry } from '../../../src/nets/state';
import type { Batch, SampleLoss, TrainedModel } from '../../../src/tasks';
import { pieceRows, stepCost } from '../../../src/tasks/memory';
import { disposeGradients } from '../../../src/tensor/autodiff';
import * as tf from '../../../src/tensor/tf';
import { evaluateLoss, gradientOf } from '../../../src/train/gradients';
import { fastestBackend } from '../../support/backends';

/** What batch norms do in the steps of a training, whatever the task: CT-FM's network has them. */
const root = mkdtempSync(join(tmpdir(), 'voco-batchnorm-'));
vi.setConfig({ testTimeout: 180_000 });
beforeAll(fastestBackend);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const network: NetworkConfig = { name: 'segresnet', variant: 'ct-fm', initFilters: 2, blocksDown: [1, 1, 1] };
const frozen: NetworkConfig = { ...network, freezeStatistics: true };
const LEVELS = 3;
/** Of a block: two norms. */
const NORMS = 2 * LEVELS;

const noise = (rows: number, size = 8): tf.Tensor5D =>
  tf.tidy(() => tf.reshape(tf.sin(tf.mul(tf.range(0, rows * size ** 3), 0.37)), [rows, size, size, size, 1]));

/** The mean of an encoder's pooled features over the rows of a batch. */
function meanLoss(config: NetworkConfig, x: tf.Tensor5D) {
  const encoder = createEncoder(config, { seed: 1 });
  const loss: SampleLoss<Batch> = {
    reach: 'sample',
    rows: () => x.shape[0],
    loss: (_, { first, count }) => ({
      loss: tf.mean(tf.square(encoder.pooled(tf.slice(x, [first, 0, 0, 0, 0], [count, -1, -1, -1, -1])))),
    }),
  };
  return { encoder, loss, variables: encoder.parameters.all.map(({ variable }) => variable) };
}

const batch: Batch = { cases: [] };
const isStatistic = ({ name }: StateEntry): boolean => /running_|num_batches/.test(name);
const statistics = async (weights: { stateDict(): Promise<StateEntry[]> }): Promise<StateEntry[]> =>
  (await weights.stateDict()).filter(isStatistic);
const counts = (entries: readonly StateEntry[], prefix = ''): number[] =>
  entries.filter(({ name }) => name.startsWith(prefix) && name.endsWith('tracked')).map(({ data }) => data[0]!);

describe('running statistics', () => {
  it('move once a step by a tenth, with the unbiased variance, when the weights are updated', async () => {
    const x = noise(3);
    const { encoder, loss, variables } = meanLoss(network, x);
    const before = await statistics(encoder.parameters);
    expect(counts(before)).toEqual(Array(NORMS).fill(0));
    const alive = tf.memory().numTensors;
    const { gradients, updated, dispose } = await gradientOf(loss, batch, { variables, microBatch: 3 });
    expect(await statistics(encoder.parameters)).toEqual(before);
    updated();
    const after = await statistics(encoder.parameters);
    expect(counts(after)).toEqual(Array(NORMS).fill(1));
    dispose();
    disposeGradients(gradients);
    expect(tf.memory().numTensors).toBe(alive);
    // The first norm sees the output of the first convolution.
    const first = tf.tidy(() => {
      const kernel = encoder.parameters.all.find(({ name }) => name === 'encoder.conv_init.weight')!;
      const y = tf.conv3d(x, kernel.get<tf.Tensor5D>(), 1, 'same');
      const { mean, variance } = tf.moments(y, [0, 1, 2, 3]);
      const voxels = y.size / 2;
      return { mean: tf.mul(mean, 0.1), variance: tf.add(tf.mul(variance, (0.1 * voxels) / (voxels - 1)), 0.9) };
    });
    const moved = (name: string): number[] => Array.from(after.find((entry) => entry.name.endsWith(name))!.data);
    const [mean, variance] = [await first.mean.data(), await first.variance.data()];
    moved('blocks.0.norm1.running_mean').forEach((value, c) => expect(value).toBeCloseTo(mean[c]!, 6));
    moved('blocks.0.norm1.running_var').forEach((value, c) => expect(value).toBeCloseTo(variance[c]!, 6));
    tf.dispose([x, { ...first }]);
    encoder.dispose();
  });

  it('stay where the step is not done, and in validation', async () => {
    const x = noise(2);
    const { encoder, loss, variables } = meanLoss(network, x);
    const before = await statistics(encoder.parameters);
    const alive = tf.memory().numTensors;
    const { gradients, dispose } = await gradientOf(loss, batch, { variables, microBatch: 2 });
    dispose();
    disposeGradients(gradients);
    const giveWay = (): Promise<void> => Promise.reject(new Error('a stop'));
    await expect(gradientOf(loss, batch, { variables, microBatch: 2, giveWay })).rejects.toThrow('a stop');
    const whole = await evaluateLoss(loss, batch, 2);
    // Rows do not see each other.
    expect((await evaluateLoss(loss, batch, 1)).loss).toBeCloseTo(whole.loss!, 5);
    expect(tf.memory().numTensors).toBe(alive);
    expect(await statistics(encoder.parameters)).toEqual(before);
    x.dispose();
    encoder.dispose();
  });

  it('are those of whole batches: pieces are an error, and a plan makes none', async () => {
    const x = noise(2);
    const { encoder, loss, variables } = meanLoss(network, x);
    const inPieces = gradientOf(loss, batch, { variables, microBatch: 1 });
    await expect(inPieces).rejects.toThrow(
      'encoder.layers.0.blocks.0.norm1: the batch of a step came to a batch norm in pieces',
    );
    x.dispose();
    encoder.dispose();
    const cost = { parameters: 10, rowsPerStep: 8, rowBytes: 1e9, rowFlops: 1e12, followers: 0, tied: false };
    const config = (section: NetworkConfig): PretrainConfig =>
      ({ network: section, optimizer: { name: 'adamw' }, train: { microBatch: 1 } }) as unknown as PretrainConfig;
    expect(stepCost(config(network), cost, 1e9).microBatch).toBe(8);
    expect(pieceRows(config(network), cost, 'onednn')).toBe(Infinity);
    expect(stepCost(config(frozen), cost, 1e9).microBatch).toBe(1);
    expect(pieceRows(config(frozen), cost, 'onednn')).toBe(1);
  });

  it('that are frozen are used and kept, and rows pass one by one', async () => {
    const x = noise(3);
    const { encoder, loss, variables } = meanLoss(frozen, x);
    for (const { variable, name } of encoder.parameters.tensors)
      if (name.endsWith('running_mean')) variable.assign(tf.fill(variable.shape, -0.2));
    const before = await statistics(encoder.parameters);
    const values = async (microBatch: number): Promise<Float32Array[]> => {
      const { gradients, updated, dispose } = await gradientOf(loss, batch, { variables, microBatch });
      updated();
      const read = gradients.map((gradient) => gradient!.dataSync().slice() as Float32Array);
      dispose();
      disposeGradients(gradients);
      return read;
    };
    const [one, all] = [await values(1), await values(3)];
    one.forEach((gradient, i) => {
      const size = Math.sqrt(all[i]!.reduce((sum, value) => sum + value * value, 0));
      expect(size).toBeGreaterThan(0);
      gradient.forEach((value, j) => expect(Math.abs(value - all[i]![j]!)).toBeLessThan(1e-4 * size));
    });
    expect(await statistics(encoder.parameters)).toEqual(before);
    x.dispose();
    encoder.dispose();
  });

  it('of a segmentation network leave other crops alone outside of training', async () => {
    const segmenter = createSegmenter(network, 2, { seed: 1 });
    const x = noise(2);
    const [, second] = tf.split(x, 2) as [tf.Tensor5D, tf.Tensor5D];
    const [both, alone] = [await segmenter.forward(x).data(), await segmenter.forward(second).data()];
    const trained = await new TrainingPass().run(() => segmenter.forward(x)).data();
    alone.forEach((value, i) => expect(both[alone.length + i]).toBeCloseTo(value, 5));
    expect(both.some((value, i) => Math.abs(value - trained[i]!) > 0.01)).toBe(true);
    segmenter.dispose();
  });
});

describe('a single voxel of a single crop', () => {
  it('has no statistics: a size that leaves it is refused, unless they are frozen', () => {
    const sized = (config: NetworkConfig) => () =>
      createEncoder(config, { seed: 0, describeOnly: true }).checkSize([4, 4, 4]);
    expect(sized(network)).toThrow(
      'one axis must be at least 8 for segresnet (a single voxel is left at its deepest stage)',
    );
    expect(sized(frozen)).not.toThrow();
    expect(sized({ name: 'segresnet', initFilters: 8, blocksDown: [1, 1, 1] })).not.toThrow();
  });
});

/** A pretext task on a small network of CT-FM. */
async function built(method: object): Promise<{ model: TrainedModel<Batch>; noise: Batch }> {
  const file = join(root, 'a.voco.json');
  const data = { train: [{ folder: root }], preprocess: { resize: [32, 32, 32] } };
  writeFileSync(file, JSON.stringify({ kind: 'pretrain', data, method, network }));
  const { config } = await loadConfig(file, { kind: 'pretrain' });
  const task = await taskOf(config);
  const cases = { train: [], validation: [] };
  const model = task.build({ config, cases, totalSteps: 10, onWarning: () => undefined });
  return { model: model as TrainedModel<Batch>, noise: task.trialBatch(config, 8) as Batch };
}

describe('a loss that ties rows together', () => {
  const voco = { name: 'voco', grid: [2, 2, 1], randomCrops: 2, crop: [16, 16, 16], input: [16, 16, 16] };
  const simclr = { name: 'simclr', crop: [16, 16, 16], projector: { hidden: 8, out: 4 } };

  it.each([
    [
      'VoCo with a teacher',
      { ...voco, objective: 'voco-10k', projector: { hidden: 8, out: 4 } },
      ['student.', 'teacher.'],
    ],
    ['SimCLR', simclr, ['student.']],
  ])('%s counts one batch a step, for each network', async (_, method, prefixes) => {
    const { model, noise: crops } = await built(method);
    const variables = model.groups.flatMap(({ parameters }) => parameters.map(({ variable }) => variable));
    expect(model.groups.flatMap(({ parameters }) => parameters).some(({ name }) => name.includes('running'))).toBe(
      false,
    );
    for (const step of [1, 2]) {
      const pieces = { variables, microBatch: model.loss.rows(crops) };
      const { gradients, updated, dispose } = await gradientOf(model.loss, crops, pieces);
      updated();
      dispose();
      disposeGradients(gradients);
      const entries = await statistics(model.weights);
      for (const prefix of prefixes) expect(counts(entries, prefix), prefix).toEqual(Array(NORMS).fill(step));
      expect(counts(entries)).toHaveLength(NORMS * prefixes.length);
    }
    const before = await statistics(model.weights);
    await evaluateLoss(model.loss, crops, 2);
    expect(await statistics(model.weights)).toEqual(before);
    // What a checkpoint holds comes back.
    const entries = await model.weights.stateDict();
    const { model: other } = await built(method);
    other.weights.loadStateDict(entries, { strict: true });
    expect(await other.weights.stateDict()).toEqual(entries);
    model.dispose();
    other.dispose();
  });
});
