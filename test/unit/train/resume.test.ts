import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkpointFile, listCheckpoints, readRunConfig, readRunState } from '../../../src/runs';
import { train } from '../../../src/train';
import {
  differingTensors,
  makeTinyPhantom,
  SMALL_SWIN,
  stepsOf,
  trainingDevice,
  writeConfig,
} from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-resume-'));
let device: string;
const quiet = (): void => undefined;

vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const begin = (configFile: string, runDir: string, set: string[] = []) =>
  train('pretrain', { configFile, runDir, resume: false, set }, quiet);
const resume = (runDir: string, set: string[] = []) => train('pretrain', { runDir, resume: true, set }, quiet);

/** A copy of a finished run as a kill shortly after the checkpoint of `step` would have left it. */
async function killedAfter(runDir: string, step: number, extraMetrics: number): Promise<string> {
  const copy = `${runDir}-from-${step}`;
  cpSync(runDir, copy, { recursive: true });
  const { checkpoints } = await listCheckpoints(copy);
  for (const { file } of checkpoints.filter((checkpoint) => checkpoint.step > step)) unlinkSync(file);
  const metrics = join(copy, 'metrics.jsonl');
  const lines = readFileSync(metrics, 'utf8').split('\n');
  const torn = lines[step + extraMetrics]!.slice(0, 40);
  writeFileSync(metrics, `${lines.slice(0, step + extraMetrics).join('\n')}\n${torn}`);
  writeFileSync(join(copy, 'run.json.4194304-1.tmp'), '{"format": 1, "na');
  writeFileSync(join(copy, 'checkpoints', 'step-00000006.safetensors.4194304-7.tmp'), 'half');
  return copy;
}

interface Variant {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** Changed at the resume, without an effect on the numbers. */
  readonly resumeWith?: string[];
}

const variants: Variant[] = [
  { name: 'all crops at once, no worker', config: {} },
  { name: 'two threads', config: { threads: 2 } },
  { name: 'micro-batches and a worker', config: { data: { workers: 1 }, train: { microBatch: 2 } } },
  {
    name: 'another number of workers after the resume, two volumes a step',
    config: { data: { workers: 1, prefetch: 3 }, train: { batch: 2, microBatch: 3 } },
    resumeWith: ['data.workers=0'],
  },
  {
    name: 'tpami: feature dropout and a teacher projector',
    config: { method: { objective: 'tpami' }, train: { batch: 2 } },
  },
  {
    name: 'cvpr-paper with sgd and clipping',
    config: {
      method: { objective: 'cvpr-paper' },
      optimizer: { name: 'sgd', lr: 0.01, clipNorm: 1 },
      schedule: { name: 'constant' },
    },
  },
  {
    name: 'Swin-UNETR in micro-batches',
    config: { ...SMALL_SWIN, train: { steps: 2, checkpointEvery: 1, microBatch: 2 } },
  },
];

describe('a resumed run', () => {
  it.each(variants)('goes on bit for bit: $name', async ({ name, config, resumeWith = [] }) => {
    const runDir = join(root, name.replace(/\W+/g, '-'));
    const file = writeConfig(root, 'exact', device, config);
    const through = await begin(file, runDir);
    expect(through).toMatchObject({ outcome: 'finished', exitCode: 0 });
    const at = (await listCheckpoints(runDir)).checkpoints[0]!.step;
    expect(at).toBeLessThan(through.step);

    const copy = await killedAfter(runDir, at, 1);
    const resumed = await resume(copy, resumeWith);
    expect(resumed).toMatchObject({ outcome: 'finished', step: through.step });
    const steps = await stepsOf(copy);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: through.step }, (_, i) => i + 1));
    expect(steps).toEqual(await stepsOf(runDir));
    const last = (folder: string): string => checkpointFile(folder, through.step);
    expect(await differingTensors(last(copy), last(runDir))).toEqual([]);

    const state = await readRunState(copy);
    expect(state).toMatchObject({ state: 'finished', step: through.step, resumedAt: [at] });
    const { checkpoints } = await listCheckpoints(copy);
    expect(checkpoints.map(({ step }) => step)).toEqual(
      (await listCheckpoints(runDir)).checkpoints.map(({ step }) => step),
    );
    const files = [...readdirSync(copy), ...readdirSync(join(copy, 'checkpoints'))];
    expect(files.filter((entry) => entry.endsWith('.tmp'))).toEqual([]);
  });

  it('differs from one that draws other crops', async () => {
    const file = writeConfig(root, 'exact', device, { seed: 4 });
    const other = await begin(file, join(root, 'other-seed'));
    const reference = join(root, variants[0]!.name.replace(/\W+/g, '-'));
    expect((await stepsOf(other.runDir))[0]!.loss).not.toBe((await stepsOf(reference))[0]!.loss);
  });

  it('keeps what --set changed at an earlier resume', async () => {
    const runDir = join(root, 'longer');
    await begin(writeConfig(root, 'longer', device, { train: { steps: 3 } }), runDir);
    await expect(resume(runDir)).rejects.toThrow(/has finished its 3 steps.*--set train\.steps=N/);
    const more = await resume(runDir, ['train.steps=5']);
    expect(more.step).toBe(5);
    expect(await readRunConfig(runDir)).toMatchObject({ train: { steps: 5 } });
    expect(await readRunState(runDir)).toMatchObject({ totalSteps: 5, resumedAt: [3] });
    await expect(resume(runDir)).rejects.toThrow(/has finished its 5 steps/);
  });

  it('starts over when no checkpoint had been written', async () => {
    const runDir = join(root, 'from-nothing');
    const file = writeConfig(root, 'from-nothing', device, { train: { steps: 2, checkpointEvery: 2 } });
    await begin(file, runDir);
    const before = await stepsOf(runDir);
    rmSync(checkpointFile(runDir, 2));
    await resume(runDir);
    expect(await stepsOf(runDir)).toEqual(before);
  });

  it('refuses weights of another network', async () => {
    const runDir = join(root, 'other-network');
    await begin(writeConfig(root, 'other', device, { train: { steps: 2, checkpointEvery: 1 } }), runDir);
    rmSync(checkpointFile(runDir, 2));
    await expect(resume(runDir, ['network.featureSize=8'])).rejects.toThrow(/step-00000001\.safetensors/);
    expect((await readRunState(runDir)).state).toBe('failed');
  });
});
