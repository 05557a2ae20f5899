import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Answerer } from '../../../src/answer/answerer';
import { samplerFor, taskOf } from '../../../src/catalog';
import { loadConfig, type PretrainConfig } from '../../../src/config';
import { readWeights } from '../../../src/convert/read';
import { SamplePlan } from '../../../src/loader/plan';
import type { CropBatch } from '../../../src/pretext/crops/sampler';
import { CropQuestions, type SceneCalls } from '../../../src/jobs/cropQuestions';
import { cropPicture, middleSlices } from '../../../src/preview/images';
import type { Client } from '../../../src/rpc';
import { CropPreviewer } from '../../../src/preview/preview';
import { latestCheckpoint } from '../../../src/runs';
import type { AnswerPart, Batch, TrainedModel } from '../../../src/tasks';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';
import { train } from '../../../src/train';
import { evaluateLoss } from '../../../src/train/gradients';
import { smallConfig, smallTasks, type SmallTask } from '../../support/pretextTasks';
import { makeTinyPhantom, trainingDevice } from '../../support/trainer';

/** What people are shown of a network's answer must be what training makes its loss of. */
const root = mkdtempSync(join(tmpdir(), 'voco-answers-'));
const quiet = (): void => undefined;
let device: string;

vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
  await useDevice(device, { threads: 1 });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Trained {
  readonly file: string;
  readonly checkpoint: string;
  readonly config: PretrainConfig;
}

const runs = new Map<string, Promise<Trained>>();

/** A checkpoint of a few steps with one volume each, of the first network of a task or of another. */
function trained(task: SmallTask, network: string = task.networks[0]!): Promise<Trained> {
  const name = `${task.method.name}-${network}`;
  const run = runs.get(name) ?? begin(name, smallConfig(task, network, device));
  runs.set(name, run);
  return run;
}

/** Each task on its first network, and those that hide patches on a network of tokens as well. */
const pairs = Object.entries(smallTasks).flatMap(([name, task]) => {
  const tokens = ['mae', 'simmim'].includes(name) ? ['primus'] : [];
  return [task.networks[0]!, ...tokens].map((network) => [name, network, task] as const);
});

async function begin(name: string, config: object): Promise<Trained> {
  const file = join(root, `${name}.voco.json`);
  writeFileSync(file, JSON.stringify({ ...config, train: { steps: 2, batch: 1, checkpointEvery: 2, microBatch: 3 } }));
  const { runDir } = await train(
    'pretrain',
    { configFile: file, runDir: join(root, name), resume: false, set: [] },
    quiet,
  );
  return {
    file,
    checkpoint: (await latestCheckpoint(runDir))!.file,
    config: (await loadConfig(file, { kind: 'pretrain' })).config,
  };
}

const ALL = { flip: true, rotate: true, shift: true };
const requestOf = (index: number) => ({ choice: { kind: 'random', index }, draw: 0, augment: ALL }) as const;

async function previewed(file: string): Promise<CropPreviewer> {
  const previewer = new CropPreviewer();
  const shown = await previewer.preview(readFileSync(file, 'utf8'), file, { caseIndex: 1, crop: requestOf(0) });
  if ('problems' in shown) throw new Error(shown.problems.join());
  return previewer;
}

/** The batch that training makes of the case in its first epoch. */
async function trainingBatch(config: PretrainConfig): Promise<CropBatch> {
  const task = await taskOf(config);
  const { train: cases } = await task.findCases(config);
  const plan = new SamplePlan(cases, config.seed, 1);
  const step = cases.findIndex((_, n) => plan.draws(n)[0]!.id === cases[1]!.id);
  const maker = (await samplerFor(config)).open(task.samplerSettings(config), quiet);
  return (await maker.make(plan.draws(step))) as CropBatch;
}

async function lossOf({ config, checkpoint }: Trained, batch: Batch): Promise<number> {
  const task = await taskOf(config);
  const built = { config, cases: { train: [], validation: [] }, totalSteps: 1, onWarning: quiet };
  const model: TrainedModel<Batch> = task.build(built);
  model.weights.loadStateDict((await readWeights(checkpoint)).entries, { strict: true });
  const { loss } = await evaluateLoss(model.loss, batch, 3);
  model.dispose();
  return loss!;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean error of the voxels that are asked, made of the image that is shown and of the target of training's row. */
function errorOf(part: AnswerPart, batch: CropBatch, row: number, of: (difference: number) => number): number {
  if (part.kind !== 'image') throw new Error('no image');
  const { voxels, asked } = part.image;
  const target = batch.targets.subarray(row * voxels.length, (row + 1) * voxels.length);
  const errors = Array.from(voxels, (value, i) => of(value - target[i]!)).filter((_, i) => !asked || asked[i]);
  return mean(errors);
}

const square = (x: number): number => x * x;

/** Cross entropy of the probabilities that are shown, with the classes that are marked as right. */
function crossEntropyOf(part: AnswerPart): number {
  if (part.kind !== 'classes') throw new Error('no classes');
  return mean(part.rows.map(({ probabilities, right }) => -Math.log(probabilities[right]!)));
}

/** NT-Xent of a row, of the cosines that are shown. */
function contrastOf(part: AnswerPart, temperature: number): number {
  if (part.kind !== 'partner') throw new Error('no partner');
  const exps = [part.partner, ...part.others].map((cosine) => Math.exp(cosine / temperature));
  return -Math.log(exps[0]! / exps.reduce((sum, value) => sum + value, 0));
}

const squaredError = (parts: readonly AnswerPart[], batch: CropBatch, crop: number): number =>
  errorOf(parts[0]!, batch, crop, square);

/** The loss of one crop, by hand, of nothing but what is shown. */
const byHand: Readonly<
  Record<
    keyof typeof smallTasks,
    (parts: readonly AnswerPart[], batch: CropBatch, crop: number, method: never) => number
  >
> = {
  mae: squaredError,
  genesis: squaredError,
  'rotate-restore': squaredError,
  spark: squaredError,
  simmim: squaredError,
  rotation: ([turn]) => crossEntropyOf(turn!),
  position([part], batch, crop) {
    if (part!.kind !== 'places') throw new Error('no places');
    const n = part.probabilities.length;
    const label = Array.from(batch.labels.subarray(crop * n, (crop + 1) * n));
    return -Math.log(part.probabilities[label.indexOf(Math.max(...label))]!);
  },
  'volume-fusion'([part], batch, crop) {
    if (part!.kind !== 'image') throw new Error('no image');
    const { voxels } = part.image;
    const right = batch.labels.subarray(crop * voxels.length, (crop + 1) * voxels.length);
    const hits = mean(Array.from(voxels, (value, i) => (value === right[i] ? 1 : 0)));
    expect(part.scores['voxel accuracy']).toBeCloseTo(hits, 5);
    return part.scores['cross entropy']! + part.scores['Dice loss']!;
  },
  jigsaw: ([, order, turns]) => (crossEntropyOf(order!) + crossEntropyOf(turns!)) / 2,
  simclr: (parts, _, __, { temperature }: { temperature: number }) =>
    mean(parts.map((part) => contrastOf(part, temperature))),
  'swin-ssl'(parts, batch, crop, method: Record<string, number>) {
    const [one, two, turns, ...contrast] = parts;
    const restored = mean([one!, two!].map((part, view) => errorOf(part, batch, 2 * crop + view, Math.abs)));
    return (
      method.restoreWeight! * restored +
      method.rotationWeight! * crossEntropyOf(turns!) +
      method.contrastWeight! * mean(contrast.map((part) => contrastOf(part, method.temperature!)))
    );
  },
};

describe.each(pairs)('the answer of %s on %s', (name, network, task) => {
  it('is of the crop that is shown, and makes up the loss of training', async () => {
    const run = await trained(task, network);
    const previewer = await previewed(run.file);
    const batch = await trainingBatch(run.config);
    const rows = batch.rows / 2;
    const answerer = new Answerer();
    const losses: number[] = [];
    let tensors = 0;
    for (const crop of [0, 1]) {
      const shown = previewer.crop(requestOf(crop));
      if (name !== 'jigsaw') {
        const length = batch.inputs.length / batch.rows;
        const input = batch.inputs.slice(crop * rows * length, (crop * rows + 1) * length);
        expect(shown.goesIn[0]!.images).toEqual(
          middleSlices(input, batch.shape, previewer.question(requestOf(crop)).range),
        );
      }
      const { parts, step } = await answerer.answer({
        checkpoint: run.checkpoint,
        ...previewer.question(requestOf(crop)),
      });
      expect(step).toBe(2);
      losses.push(byHand[name as keyof typeof byHand](parts, batch, crop, run.config.method as never));
      for (const { scores } of parts)
        for (const score of Object.values(scores)) expect(Number.isFinite(score)).toBe(true);
      if (crop === 1) expect(tf.memory().numTensors).toBe(tensors);
      tensors = tf.memory().numTensors;
    }
    answerer.dispose();
    expect(mean(losses) / (await lossOf(run, batch))).toBeCloseTo(1, 4);
  });
});

describe('the process behind the panel', () => {
  it('gives the same answer in pictures, and its errors in a line', async () => {
    const { mae, rotation } = smallTasks;
    const [run, other] = [await trained(mae), await trained(rotation)];
    const previewer = await previewed(run.file);
    const call = ((name: 'question', [request]: [ReturnType<typeof requestOf>]) =>
      Promise.resolve(previewer[name](request))) as unknown as Client<SceneCalls>['call'];
    const node = { command: process.execPath, env: {}, version: process.versions.node, source: 'path' as const };
    const script = join(import.meta.dirname, '../../../dist/voco.cjs');
    const program = () => Promise.resolve({ node, script, env: process.env });
    const questions = new CropQuestions({ call }, program, () => device);
    const request = requestOf(1);
    await expect(questions.answer({ ...request, checkpoint: other.checkpoint })).rejects.toThrow(
      /is of the pretext task rotation, and the config has mae/,
    );
    const answer = await questions.answer({ ...request, checkpoint: run.checkpoint });
    const answerer = new Answerer();
    const { parts, size } = await answerer.answer({ checkpoint: run.checkpoint, ...previewer.question(request) });
    answerer.dispose();
    const [shown, part] = [answer!.parts[0]!, parts[0]!];
    if (shown.kind !== 'image' || part.kind !== 'image') throw new Error('no image');
    expect(shown.scores['mean squared error']).toBeCloseTo(part.scores['mean squared error']!, 5);
    const { images, asked } = cropPicture(part.image, size, previewer.question(request).range);
    expect(shown.picture.asked).toEqual(asked);
    // Another process may round differently in the last digit.
    const off = shown.picture.images.flatMap(({ data }, i) =>
      Array.from(data, (grey, at) => Math.abs(grey - images[i]!.data[at]!)),
    );
    expect(Math.max(...off)).toBeLessThanOrEqual(1);
    // A newer question overtakes the one before.
    const [first, second] = [0, 1].map((index) =>
      questions.answer({ ...requestOf(index), checkpoint: run.checkpoint }),
    );
    expect(await first).toBeNull();
    expect((await second)!.step).toBe(2);
    questions.dispose();
  });
});

describe('what cannot be answered', () => {
  it('is told in a line', async () => {
    const { mae, rotation, simclr } = smallTasks;
    const [hidden, turned, pairs] = [await trained(mae), await trained(rotation), await trained(simclr)];
    const answerer = new Answerer();
    const asking = async (file: string, checkpoint: string, change: object = {}): Promise<unknown> => {
      const question = (await previewed(file)).question(requestOf(0));
      return answerer.answer({ checkpoint, ...question, config: { ...question.config, ...change } });
    };
    await expect(asking(hidden.file, turned.checkpoint)).rejects.toThrow(
      /step-\d+\.safetensors: is of the pretext task rotation, and the config has mae; choose a checkpoint of a run of this config$/,
    );
    await expect(asking(hidden.file, hidden.checkpoint, { network: { name: 'swin-unetr' } })).rejects.toThrow(
      /is of the network unet3d, and the config has swin-unetr; choose/,
    );
    const { network, method } = pairs.config;
    await expect(asking(pairs.file, pairs.checkpoint, { network: { ...network, featureSize: 8 } })).rejects.toThrow(
      /does not fit the config: network\.featureSize is 4 there and 8 here; choose/,
    );
    const projector = { hidden: 16, out: 4 };
    await expect(asking(pairs.file, pairs.checkpoint, { method: { ...method, projector } })).rejects.toThrow(
      /does not fit the config: method\.projector\.out is 8 there and 4 here; choose/,
    );
    await expect(asking(pairs.file, pairs.file)).rejects.toThrow(/simclr-unet3d\.voco\.json/);
    // After all that, the right one is answered.
    await expect(asking(hidden.file, hidden.checkpoint)).resolves.toMatchObject({ step: 2 });
    const controller = new AbortController();
    controller.abort();
    const question = (await previewed(hidden.file)).question(requestOf(0));
    await expect(answerer.answer({ checkpoint: hidden.checkpoint, ...question }, controller.signal)).rejects.toThrow(
      /abort/i,
    );
    answerer.dispose();
  });
});
