import { cpSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose } from '../../../src/config';
import { networkDescriptors } from '../../../src/nets/descriptors';
import { pretextDescriptors } from '../../../src/pretext/descriptors';
import { CropPreviewer } from '../../../src/preview/preview';
import { latestCheckpoint, listCheckpoints, readInitReport } from '../../../src/runs';
import { estimateTraining, train } from '../../../src/train';
import { FULL } from '../../support/full';
import {
  everyNetworkOf,
  handsDecoderOn,
  lengthOf,
  smallConfig,
  smallNetwork,
  smallNetworks,
  smallTasks,
  type SmallTask,
} from '../../support/pretextTasks';
import { differingTensors, makeTinyPhantom, stepsOf, trainingDevice } from '../../support/trainer';

/** What every pretext task must do, whatever it asks: each task is a line of test/support/pretextTasks.ts. */
const root = mkdtempSync(join(tmpdir(), 'voco-tasks-'));
const quiet = (): void => undefined;
let device: string;

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const configOf = (task: SmallTask, network: string) => smallConfig(task, network, device);

function write(task: SmallTask, network: string): string {
  const file = join(root, `${task.method.name}-${network}.voco.json`);
  writeFileSync(file, JSON.stringify(configOf(task, network)));
  return file;
}

const problemsOf = (config: object): string[] =>
  diagnose(JSON.stringify(config), 'f').map(({ path, message }) => `${path}: ${message}`);

const met = new Set<string>();

/** All networks that can learn a task; in the short form the first and one of the others, so that every network is met. */
function networksOf(task: SmallTask, turn: number): readonly string[] {
  if (FULL) return everyNetworkOf(task);
  const [first, ...others] = task.networks;
  const second = others.find((name) => !met.has(name)) ?? others[turn % others.length];
  const chosen = [first!, ...(second === undefined ? [] : [second])];
  for (const name of chosen) met.add(name);
  return chosen;
}

const tasks = Object.entries(smallTasks).map(([name, task], i) => [name, task, networksOf(task, i)] as const);

it('meets every network in the short form, too', () => {
  const all = Object.values(smallTasks).flatMap(({ networks }) => networks);
  expect(new Set(tasks.flatMap(([, , networks]) => networks))).toEqual(new Set(all));
});

it('has a small one of every network of the registry, which learns what its descriptor allows', () => {
  const kinds = Object.values(smallNetworks).map(({ name }) => name);
  expect(new Set(kinds)).toEqual(new Set(networkDescriptors.names));
  for (const task of Object.values(smallTasks)) expect(everyNetworkOf(task)).toEqual(expect.arrayContaining([...task.networks])); // prettier-ignore
});

describe.each(tasks)('the pretext task %s', (name, task, networks) => {
  describe.each(networks)('on %s', (network) => {
    const begin = (runDir: string, set: string[] = []) =>
      train('pretrain', { configFile: write(task, network), runDir: join(root, runDir), resume: false, set }, quiet);
    const runs = `${name}-${network}`;

    it('goes on after a kill as if there had been none', async () => {
      const { runDir, outcome } = await begin(runs);
      expect(outcome).toBe('finished');
      const wanted = await stepsOf(runDir);
      expect(wanted).toHaveLength(lengthOf(network).steps);
      for (const { loss, gradientNorm } of wanted) {
        expect(Number.isFinite(loss)).toBe(true);
        expect(gradientNorm).toBeGreaterThan(0);
      }
      expect(wanted.filter((record) => 'validation/loss' in record)).toHaveLength(2);
      const copy = `${runDir}-killed`;
      cpSync(runDir, copy, { recursive: true });
      for (const { file, step } of (await listCheckpoints(copy)).checkpoints)
        if (step > lengthOf(network).checkpointEvery) unlinkSync(file);
      await train('pretrain', { runDir: copy, resume: true, set: [] }, quiet);
      expect(await stepsOf(copy)).toEqual(wanted);
      const [last, again] = [(await latestCheckpoint(runDir))!, (await latestCheckpoint(copy))!];
      expect(await differingTensors(last.file, again.file)).toEqual([]);
    });

    it('has the same gradients one row at a time as all at once', async () => {
      const short = ['train.steps=1', 'train.validateEvery=9'];
      const one = await begin(`${runs}-one`, [...short, 'train.microBatch=1']);
      const all = await begin(`${runs}-all`, [...short, 'train.microBatch=64']);
      const [[a], [b]] = [await stepsOf(one.runDir), await stepsOf(all.runDir)];
      expect(Number(a!.loss) / Number(b!.loss)).toBeCloseTo(1, 4);
      expect(Number(a!.gradientNorm) / Number(b!.gradientNorm)).toBeCloseTo(1, 3);
    });

    it('is estimated, and hands its weights to a fine-tuning', async () => {
      const estimate = await estimateTraining(
        'pretrain',
        { configFile: write(task, network), resume: false, set: [] },
        quiet,
      );
      expect(estimate.network.parameters).toBeGreaterThan(1000);
      const checkpoint = (await latestCheckpoint(join(root, runs)))!.file;
      const downstream = join(root, `${runs}-down.voco.json`);
      writeFileSync(
        downstream,
        JSON.stringify({
          ...configOf(task, network),
          kind: 'finetune',
          method: undefined,
          data: { train: [{ datalist: 'phantom/dataset_0.json' }], cache: { folder: 'cache' } },
          task: { name: 'btcv' },
          network: smallNetwork(network, [32, 32, 64]),
          crops: { size: [32, 32, 64], perVolume: 1 },
          init: { checkpoint },
          train: { steps: 1, batch: 1, validateEvery: 9 },
        }),
      );
      const started = (runDir: string, set: string[]) =>
        train('finetune', { configFile: downstream, runDir: join(root, runDir), resume: false, set }, quiet);
      const { stateDict } = networkDescriptors.get(smallNetworks[network]!.name);
      const whole = await readInitReport((await started(`${runs}-down`, [])).runDir);
      const encoder = (names: readonly string[]) => names.filter((one) => stateDict.encoder.test(one));
      expect(encoder(whole!.missing)).toEqual([]);
      expect(encoder(whole!.loaded).length).toBeGreaterThan(5);
      expect(whole!.loaded.length > encoder(whole!.loaded).length).toBe(task.decoder && handsDecoderOn(network));
      expect(whole!.loaded.filter((one) => stateDict.output.test(one))).toEqual([]);
      const alone = await readInitReport((await started(`${runs}-encoder`, ['init.parts=encoder'])).runDir);
      expect(alone!.loaded).toEqual(encoder(whole!.loaded));
    });
  });

  it('is previewed: what goes in and what is asked, the same at each look', async () => {
    const previewer = new CropPreviewer();
    const request = {
      choice: { kind: 'random', index: 0 },
      draw: 0,
      augment: { flip: true, rotate: true, shift: true },
    } as const;
    const config = configOf(task, task.networks[0]!);
    const file = write(task, task.networks[0]!);
    const answer = await previewer.preview(JSON.stringify(config), file, { caseIndex: 0, crop: request });
    if ('problems' in answer) throw new Error(answer.problems.join());
    const { goesIn, asked, question, label } = answer.crop;
    for (const { images, name: told } of [...goesIn, ...asked]) {
      expect(images).toHaveLength(3);
      expect(told).not.toBe('');
    }
    expect(goesIn.length).toBeGreaterThan(0);
    expect(asked.length > 0 || question !== undefined || label !== undefined).toBe(true);
    expect(answer.task).toEqual({ name, locates: false, resizable: false });
    expect(answer.crop.augmentation).not.toBe('');
    const again = await new CropPreviewer().preview(JSON.stringify(config), file, { caseIndex: 0, crop: request });
    expect('crop' in again && again.crop).toEqual(answer.crop);
  });

  it.each(task.bad.map(([key, value, line]) => [`${key}: ${JSON.stringify(value)}`, key, value, line] as const))(
    'says in a line what is wrong with %s',
    (_, key, value, line) => {
      const config = configOf({ ...task, method: { ...task.method, [key]: value } }, 'unet3d');
      expect(problemsOf(config).some((problem) => line.test(problem))).toBe(true);
    },
  );

  it('refuses a key of another type, whichever it is', () => {
    const { properties } = pretextDescriptors.get(name).schema;
    for (const key of Object.keys(properties)) {
      const config = configOf(task, 'unet3d');
      Object.assign(config, { method: { ...task.method, [key]: key === 'name' ? 7 : 'x'.repeat(3) } });
      expect(problemsOf(config).join('\n'), key).toContain(`method${key === 'name' ? '' : `.${key}`}`);
    }
  });
});
