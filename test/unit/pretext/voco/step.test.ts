import type { VocoConfig } from '../../../../src/pretext/voco/config';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../../src/config';
import type { CropBatch } from '../../../../src/pretext/voco/batch';
import { useDevice } from '../../../../src/tensor/backends';
import type { OneDnnBackend } from '../../../../src/tensor/backends/onednn';
import * as tf from '../../../../src/tensor/tf';
import { createLoader } from '../../../../src/loader';
import { findUnlabelledCases } from '../../../../src/pretext/cases';
import { cropCount, vocoLoss } from '../../../../src/pretext/voco/loss';
import { vocoSampler } from '../../../../src/pretext/voco/sampler';
import { buildModel, loaderSettings } from '../../../../src/pretext/voco/task';
import { planRows } from '../../../../src/tasks';
import { buildStep } from '../../../../src/train/build';
import { runLength } from '../../../../src/train/length';
import { buildOptimizer } from '../../../../src/train/optimizer';
import type { StartedStep, StepResult } from '../../../../src/train/types';
import { makeTinyPhantom, NNSSL_FORM, SMALL_SWIN, trainingDevice, writeConfig } from '../../../support/trainer';
import { longForm } from '../../../support/full';

const root = mkdtempSync(join(tmpdir(), 'voco-step-'));
let device: string;

vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
  await useDevice(device, { threads: 1 });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const finished = async (started: Promise<StartedStep>): Promise<StepResult> => (await started).result;

async function load(name: string, ...changes: Record<string, unknown>[]): Promise<VocoConfig> {
  return (await loadConfig(writeConfig(root, name, device, ...changes))).config as VocoConfig;
}

async function buildTraining(config: VocoConfig, microBatch: number) {
  const model = buildModel(config);
  const groups = [{ name: '', parameters: model.trainableVariables(), rate: 1 }];
  const optimizer = buildOptimizer(config.optimizer, groups);
  const { train } = await findUnlabelledCases(config);
  const length = runLength(config, train.length);
  const trained = { weights: model, groups, loss: vocoLoss(model), dispose: () => model.dispose() };
  const step = buildStep({
    config,
    model: trained,
    optimizer,
    length,
    microBatch,
    pieceRows: Infinity,
    readLate: false,
  });
  const loader = createLoader({
    task: { kind: 'pretrain', name: 'voco' },
    sampler: vocoSampler,
    settings: loaderSettings(config),
    cases: train,
    seed: config.seed,
    batch: config.train.batch,
    ...config.data,
  });
  const dispose = (): void => {
    model.dispose();
    tf.dispose([...optimizer.state().values()]);
  };
  return { model, optimizer, step, loader, dispose };
}

describe('micro-batches', () => {
  it('cover all crops in order, as even as they can be', () => {
    expect(planRows(18, 4)).toEqual([
      { first: 0, count: 3 },
      { first: 3, count: 4 },
      { first: 7, count: 3 },
      { first: 10, count: 4 },
      { first: 14, count: 4 },
    ]);
    expect(planRows(5, 5)).toEqual([{ first: 0, count: 5 }]);
    expect(planRows(3, 100)).toEqual([{ first: 0, count: 3 }]);
    expect(planRows(3, 0).map(({ count }) => count)).toEqual([1, 1, 1]);
  });

  const networks = [
    { name: 'unet3d', change: { train: { batch: 2 } } },
    { name: 'nnssl form', change: { ...NNSSL_FORM, train: { batch: 2 } } },
    {
      name: 'softmax, a teacher of the projector',
      change: { method: { objective: 'softmax', teacher: 'projector' }, train: { batch: 2 } },
    },
    { name: 'swin-unetr', change: SMALL_SWIN },
  ];

  it.each(networks)('give the gradient of the whole batch: $name', async ({ change }) => {
    // With SGD from rest and a rate of 1, the change of a weight is its gradient.
    const config = await load('gradient', change, {
      optimizer: { name: 'sgd', lr: 1, momentum: 0, nesterov: false, weightDecay: 0 },
      schedule: { name: 'constant' },
    });
    let batch: CropBatch | undefined;
    const gradients = async (
      microBatch: number,
    ): Promise<{ scalars: Record<string, number>; weights: Map<string, Float32Array> }> => {
      const { model, step, loader, dispose } = await buildTraining(config, microBatch);
      batch ??= await loader.next();
      const before = new Map(
        await Promise.all(
          model
            .trainableVariables()
            .map(async ({ name, variable }) => [name, (await variable.data()).slice()] as const),
        ),
      );
      const { scalars, finite } = await finished(step.run(batch, 0));
      expect(finite).toBe(true);
      const weights = new Map<string, Float32Array>();
      for (const { name, variable } of model.trainableVariables()) {
        const old = before.get(name)!;
        weights.set(
          name,
          Float32Array.from(await variable.data(), (value, i) => old[i]! - value),
        );
      }
      dispose();
      await loader.close();
      return { scalars, weights };
    };
    const whole = await gradients(1000);
    const pieces = await gradients(1);
    expect(cropCount(batch!)).toBeGreaterThan(2);
    for (const name of ['loss', 'gradientNorm', 'baseSimilarity']) {
      expect(Math.abs(pieces.scalars[name]! / whole.scalars[name]! - 1), name).toBeLessThan(
        device === 'onednn' ? 1e-3 : 1e-5,
      );
    }
    let [difference, size] = [0, 0];
    for (const [name, values] of whole.weights) {
      const other = pieces.weights.get(name)!;
      values.forEach((value, i) => {
        difference += (value - other[i]!) ** 2;
        size += value ** 2;
      });
    }
    for (const [name, values] of whole.weights)
      expect(
        values.some((value) => value !== 0),
        name,
      ).toBe(true);
    expect(Math.sqrt(size) / whole.scalars.gradientNorm!).toBeCloseTo(1, 3);
    // Crops of one abdomen have nearly equal features, and the batch norm of the projector magnifies rounding a thousandfold:
    // wasm, which adds in the same order at any batch size, differs by 4e-7, oneDNN's kernels by 3e-4.
    expect(Math.sqrt(difference / size)).toBeLessThan(device === 'onednn' ? 3e-3 : 1e-5);
  });
});

describe('many steps', () => {
  it('leave no tensor, no memory and no block behind', async () => {
    const steps = longForm(300, 3000);
    const config = await load('long', { method: { grid: [2, 1, 1] }, train: { steps, microBatch: 2 } });
    const { step, loader, dispose, model } = await buildTraining(config, 2);
    const start = (await model.stateDict()).map(({ name, data }) => ({ name, data: data.slice() }));
    const counts: number[] = [];
    const blocks: number[] = [];
    const made: number[] = [];
    const resident: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const batch = await loader.next();
      const { scalars } = await finished(step.run(batch, i));
      loader.release(batch);
      losses.push(scalars.loss!);
      counts.push(tf.memory().numTensors);
      resident.push(process.memoryUsage.rss());
      if (device === 'onednn') {
        const stats = (tf.backend() as OneDnnBackend).poolStats();
        blocks.push(stats.liveBlocks);
        made.push(stats.made);
      }
    }
    expect(new Set(counts.slice(1)).size).toBe(1);
    expect(new Set(blocks.slice(1)).size).toBeLessThanOrEqual(1);
    // All memory a step needs was taken in the first ones.
    expect(made.at(-1)).toBe(made[30]);
    // Garbage comes and goes, later on a busy machine: what is left when it has been collected must not grow. The heap takes some
    // two hundred steps (100 MB) to its final size, at which it stayed for 1500.
    const least = (from: number, to: number) => Math.min(...resident.slice(from, to));
    expect(least(-100, steps) - least(30, 130)).toBeLessThan(96e6);
    expect(losses.every(Number.isFinite)).toBe(true);
    const trained = await model.stateDict();
    for (const { data } of trained) expect(data.every(Number.isFinite)).toBe(true);
    const still = trained.filter(({ data }, i) => data.every((value, k) => value === start[i]!.data[k]));
    expect(still.map(({ name }) => name)).toEqual([]);
    dispose();
    await loader.close();
  });
});

describe('learning', () => {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each([
    ['voco-10k', 60],
    ['tpami', 60],
    ['cvpr-paper', 40],
    ['softmax', 60],
    ['nnssl', 60],
  ])('lowers the loss on the phantom: %s', async (objective, steps) => {
    const fifth = steps / 5;
    const config = await load('learn', {
      method: { objective, randomCrops: 4, augment: { flip: 0, rotate90: 0, shiftIntensity: { prob: 0 } } },
      optimizer: { lr: 0.003 },
      train: { steps, batch: 2 },
    });
    const { step, loader, dispose } = await buildTraining(config, 1000);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const batch = await loader.next();
      losses.push((await finished(step.run(batch, i))).scalars.loss!);
      loader.release(batch);
    }
    dispose();
    await loader.close();
    const [first, last] = [mean(losses.slice(0, fifth)), mean(losses.slice(-fifth))];
    console.log(`${objective}: loss ${first.toFixed(4)} to ${last.toFixed(4)}`);
    expect(last).toBeLessThan(0.9 * first);
  });
});
