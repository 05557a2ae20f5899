import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplerOf, taskOf } from '../../../src/catalog';
import { loadConfig, type PretrainConfig } from '../../../src/config';
import { RandomStream } from '../../../src/random/random';
import type { Batch, TrainedModel } from '../../../src/tasks';
import { disposeGradients } from '../../../src/tensor/autodiff';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';
import { evaluateLoss, gradientOf } from '../../../src/train/gradients';
import type { Pieces } from '../../../src/train/pieces';
import { smallNetworks, smallTasks, type SmallTask } from '../../support/pretextTasks';
import { makeTinyPhantom, trainingDevice, writeConfig } from '../../support/trainer';

/** The gradient of each pretext task's loss, on crops of a volume, against the loss itself. */
const root = mkdtempSync(join(tmpdir(), 'voco-gradients-'));
let device: string;

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
  await useDevice(device, { threads: 1 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** VoCo with a teacher: without the regulariser, whose gradient is cut on purpose, nothing of the student is detached. */
const vocoMethod = {
  ...{ name: 'voco', objective: 'voco-10k', regularizerWeight: 0, grid: [2, 1, 1], randomCrops: 2 },
  ...{ crop: [32, 32, 64], input: [32, 32, 64], projector: { hidden: 16, out: 8 } },
};
/** Of cubes of 16 voxels the coarsest features would be one or two voxels, where instance norm leaves a step instead of a slope. */
const usual = (method: SmallTask['method']): object =>
  method.name === 'jigsaw' ? { ...method, crop: [64, 64, 64], gap: 0, perVolume: 1 } : method;

const tasks = [
  ['voco', 'unet3d', vocoMethod] as const,
  ...Object.values(smallTasks).map(({ method, networks: [first] }) => [method.name, first!, usual(method)] as const),
];

interface Built {
  readonly model: TrainedModel<Batch>;
  readonly batch: Batch;
}

async function build(method: object, network: string): Promise<Built> {
  const file = writeConfig(root, 'config', device, {
    data: { preprocess: { resize: [80, 64, 80] } },
  });
  const config = await loadConfig(file, {
    kind: 'pretrain',
    set: [`method=${JSON.stringify(method)}`, `network=${JSON.stringify(smallNetworks[network])}`],
  }).then((loaded): PretrainConfig => loaded.config);
  const task = await taskOf(config);
  const cases = await task.findCases(config);
  const maker = (await samplerOf({ kind: 'pretrain', name: config.method.name })).open(
    task.samplerSettings(config),
    () => undefined,
  );
  const draws = cases.train.slice(0, 2).map((item, i) => ({ ...item, stream: [5, i], augment: true }));
  const model = task.build({ config, cases, totalSteps: 10, onWarning: () => undefined });
  await model.begin?.({ giveWay: () => Promise.resolve(), tell: () => undefined });
  return { model, batch: await maker.make(draws) };
}

/** Directions in which the loss rises: of each variable the signs of its gradient, by random amounts, its length that of the gradient. */
function risingDirection(gradients: readonly Float32Array[], seed: number): Float32Array[] {
  const random = new RandomStream(seed);
  return gradients.map((gradient) => {
    const direction = gradient.map((value) => Math.sign(value) * Math.abs(random.normal()));
    const size = (values: Float32Array): number =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)) || 1;
    const scale = size(gradient) / size(direction);
    return direction.map((value) => value * scale);
  });
}

const dot = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  a.reduce((sum, one, i) => one.reduce((total, value, j) => total + value * b[i]![j]!, sum), 0);

/** The loss of a training step, where batch norms see the batch. A step that moves a teacher would change it: there it is that of held-out crops. */
async function trainingLoss(loss: TrainedModel<Batch>['loss'], batch: Batch, pieces: Pieces): Promise<number> {
  if (loss.reach !== 'sample' && loss.follow) return (await evaluateLoss(loss, batch, pieces.microBatch)).loss!;
  const { gradients, scalars, dispose } = await gradientOf(loss, batch, pieces);
  const value = scalars.loss.dataSync()[0]!;
  disposeGradients(gradients);
  dispose();
  return value;
}

describe('the gradient of the loss agrees with finite differences', () => {
  it.each(tasks)('%s on %s', async (_, network, method) => {
    const { model, batch } = await build(method, network);
    const variables = model.groups.flatMap(({ parameters }) => parameters.map(({ variable }) => variable));
    const pieces = { variables, microBatch: 2 };
    const { gradients: found, dispose } = await gradientOf(model.loss, batch, pieces);
    const gradients = found.map((one, i) => (one?.dataSync() as Float32Array) ?? new Float32Array(variables[i]!.size));
    const starts = variables.map((variable) => variable.dataSync().slice() as Float32Array);
    const directions = [gradients, risingDirection(gradients, 1), risingDirection(gradients, 2)];
    for (const direction of directions) {
      const slope = dot(gradients, direction);
      const length = Math.sqrt(dot(direction, direction));
      expect(slope).toBeGreaterThan(0);
      const at = async (t: number): Promise<number> => {
        variables.forEach((variable, i) => {
          const moved = starts[i]!.map((value, j) => value + (t / length) * direction[i]![j]!);
          tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
        });
        return trainingLoss(model.loss, batch, pieces);
      };
      // Steep losses are bent as well: a step changes the loss by a thousandth at most.
      const step = Math.min(4e-3, 1e-3 / length);
      const numeric = (length * ((await at(step)) - (await at(-step)))) / (2 * step);
      expect(Math.abs(numeric / slope - 1)).toBeLessThan(0.02);
    }
    disposeGradients(found);
    dispose();
    model.dispose();
  });
});
