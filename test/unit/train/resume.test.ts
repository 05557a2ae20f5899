import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkpointFile, listCheckpoints, readRunConfig, readRunState } from '../../../src/runs';
import { train } from '../../../src/train';
import {
  differingTensors,
  makeTinyPhantom,
  NNSSL_FORM,
  SMALL_SWIN,
  stepsOf,
  trainingDevice,
  voco,
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
  { name: 'nnssl: a grid anywhere, changes of intensity, Nesterov under a polynomial schedule', config: NNSSL_FORM },
  {
    name: 'softmax with a teacher',
    config: { method: { objective: 'softmax', teacher: 'network', teacherMomentum: 0.5, randomCrops: 3 } },
  },
  { name: 'voco-10k without a teacher', config: { method: { objective: 'voco-10k', teacher: 'none' } } },
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
    const settings = { 'train.steps': [3, 5] };
    expect(await readRunState(runDir)).toMatchObject({
      totalSteps: 5,
      resumedAt: [3],
      changes: [{ step: 3, settings }],
    });
    expect(readFileSync(join(runDir, 'log.txt'), 'utf8')).toMatch(/config changed at step 3: train\.steps: 3 → 5$/m);
    await expect(resume(runDir)).rejects.toThrow(/has finished its 5 steps/);
  });

  it('starts over when no checkpoint had been written', async () => {
    const runDir = join(root, 'from-nothing');
    const file = writeConfig(root, 'from-nothing', device, { train: { steps: 2, checkpointEvery: 2 } });
    await begin(file, runDir);
    const before = await stepsOf(runDir);
    rmSync(checkpointFile(runDir, 2));
    markStopped(runDir);
    await resume(runDir);
    expect(await stepsOf(runDir)).toEqual(before);
  });

  it('refuses weights of another network', async () => {
    const runDir = join(root, 'other-network');
    await begin(writeConfig(root, 'other', device, { train: { steps: 2, checkpointEvery: 1 } }), runDir);
    rmSync(checkpointFile(runDir, 2));
    const before = snapshot(runDir);
    await expect(resume(runDir, ['network.featureSize=8'])).rejects.toThrow(/step-00000001\.safetensors/);
    expect(snapshot(runDir), 'a resume that fails changes nothing').toEqual(before);
  });
});

const markStopped = (runDir: string): void => {
  const file = join(runDir, 'run.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), state: 'interrupted' }));
};

/** What a resume must not touch unless it goes on. */
const snapshot = (runDir: string): string[] =>
  ['config.json', 'run.json', 'metrics.jsonl', 'log.txt'].map((name) => readFileSync(join(runDir, name), 'utf8'));

const cutShort = (file: string): void => writeFileSync(file, readFileSync(file).subarray(0, 200));

describe('checkpoints that cannot be read', () => {
  let whole: string;
  const copyOf = (name: string): string => {
    const copy = join(root, name);
    cpSync(whole, copy, { recursive: true });
    markStopped(copy);
    return copy;
  };
  const told = async (runDir: string, more: object = {}): Promise<string[]> => {
    const lines: string[] = [];
    await train('pretrain', { runDir, resume: true, set: ['train.steps=4'], ...more }, (line) => lines.push(line));
    return lines;
  };

  beforeAll(async () => {
    whole = join(root, 'whole');
    await begin(writeConfig(root, 'whole', device, { train: { steps: 3, checkpointEvery: 1, keepLast: 2 } }), whole);
  });

  it('are told, and the run goes on from the newest that can be read', async () => {
    const runDir = copyOf('newest-bad');
    cutShort(checkpointFile(runDir, 3));
    const lines = await told(runDir);
    expect(lines).toContainEqual(expect.stringMatching(/cannot be read: .*step-00000003\.safetensors/));
    expect(lines).toContainEqual(`going on from the newest that can be read: ${checkpointFile(runDir, 2)}`);
    expect(await readRunState(runDir)).toMatchObject({ state: 'finished', step: 4, resumedAt: [2] });
  });

  it('end the resume where there is no other, with the metrics as they were', async () => {
    const runDir = copyOf('all-bad');
    for (const step of [2, 3]) cutShort(checkpointFile(runDir, step));
    const before = snapshot(runDir);
    await expect(told(runDir)).rejects.toThrow(
      /none of its 2 checkpoints can be read \(.*step-0000000\d.*--from-start/,
    );
    expect(snapshot(runDir)).toEqual(before);
    await told(runDir, { fromStart: true });
    expect((await stepsOf(runDir)).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(readFileSync(join(runDir, 'metrics-before-1.jsonl'), 'utf8')).toBe(before[2]);
    const names = readdirSync(join(runDir, 'checkpoints'));
    expect(names).toContain('step-00000003.safetensors.unreadable');
  });

  it('may not be begun over where one can be read', async () => {
    const runDir = copyOf('good');
    await expect(told(runDir, { fromStart: true })).rejects.toThrow(/has a checkpoint of step 3/);
  });

  it('that are gone are not taken for a run that has none yet', async () => {
    const runDir = copyOf('gone');
    rmSync(join(runDir, 'checkpoints'), { recursive: true });
    const before = snapshot(runDir);
    await expect(told(runDir)).rejects.toThrow(/has done 3 steps, but its checkpoints are gone/);
    expect(snapshot(runDir)).toEqual(before);
  });
});

describe('a config beside the run', () => {
  const withConfig = (runDir: string, configFile: string, set: string[] = []) => {
    const lines: string[] = [];
    const request = { runDir, configFile, resume: true, set };
    return train('pretrain', request, (line) => lines.push(line)).then(() => lines);
  };

  it('is refused when it is another one, and told when it was edited', async () => {
    const file = writeConfig(root, 'mine', device, { train: { steps: 1 } });
    const runDir = join(root, 'mine');
    await begin(file, runDir);
    const before = snapshot(runDir);
    const other = writeConfig(root, 'yours', device, { train: { steps: 1 }, optimizer: { lr: 0.5 } });
    const more = ['train.steps=2'];
    await expect(withConfig(runDir, other, more)).rejects.toThrow(
      /yours.*is not the config of .*optimizer\.lr: 0\.001 → 0\.5/,
    );
    await expect(withConfig(runDir, file, ['output=elsewhere'])).rejects.toThrow(/keeps its name and its place/);
    expect(snapshot(runDir)).toEqual(before);
    cpSync(file, join(root, 'a-copy.voco.json'));
    await withConfig(runDir, join(root, 'a-copy.voco.json'), more);
    writeConfig(root, 'mine', device, { train: { steps: 1 }, optimizer: { lr: 0.5 } });
    const lines = await withConfig(runDir, file, ['train.steps=3']);
    expect(lines).toContainEqual(
      expect.stringMatching(/differs from the run's own config.*optimizer\.lr: 0\.001 → 0\.5/),
    );
    expect(await readRunConfig(runDir)).toMatchObject({ optimizer: { lr: 0.001 }, train: { steps: 3 } });
  });

  it('finds the run where --set puts it', async () => {
    const file = writeConfig(root, 'placed', device, { train: { steps: 1 } });
    const there = [`output=${join(root, 'placed-runs')}`];
    const { runDir } = await train('pretrain', { configFile: file, resume: false, set: there }, quiet);
    markStopped(runDir);
    const longer = { configFile: file, resume: true, set: [...there, 'train.steps=2'] };
    expect(await train('pretrain', longer, quiet)).toMatchObject({ runDir, step: 2 });
  });
});

describe('a directory named for a new run', () => {
  it('goes to one of two that begin at once', async () => {
    const file = writeConfig(root, 'race', device, { train: { steps: 3 } });
    const args = ['pretrain', file, '--run', join(root, 'race')];
    const ends = await Promise.all([voco(args, root), voco([...args, '--set', 'train.steps=2'], root)]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 2]);
    const [won, lost] = [...ends].sort((a, b) => a.code! - b.code!);
    expect(lost!.stderr).toMatch(/is beginning a run there|already contains a run|this run is active/);
    const state = await readRunState(join(root, 'race'));
    const steps = ends[0] === won ? 3 : 2;
    expect(state).toMatchObject({ state: 'finished', step: steps, totalSteps: steps });
    expect(await readRunConfig(join(root, 'race'))).toMatchObject({ train: { steps } });
  });

  it('is refused where it holds what a person made', async () => {
    const file = writeConfig(root, 'into', device, { train: { steps: 1 } });
    const folder = join(root, 'theirs');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), '{ "mine": true }');
    await expect(begin(file, folder)).rejects.toThrow(/config\.json: is there already and of no run/);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{ "mine": true }');
  });
});
