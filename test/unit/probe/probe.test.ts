import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePhantom } from '../../../src/data/phantom';
import { probeRun, type ProbeJob } from '../../../src/probe';
import { probeText } from '../../../src/probe/text';
import type { ProbeReport } from '../../../src/protocol/probe';
import { latestCheckpoint, readCheckpoint, writeSafetensors } from '../../../src/runs';
import * as tf from '../../../src/tensor/tf';
import { train } from '../../../src/train';
import { trainingDevice, writeConfig } from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-probe-'));
const quiet = (): void => undefined;
let device: string;
let run: string;
let other: string;

/** A masked autoencoder that is trained for a few steps on synthetic abdomens of 6 mm. */
async function pretrained(name: string, seed: number): Promise<string> {
  const configFile = writeConfig(root, name, device, {
    seed,
    method: undefined,
    data: { preprocess: { resize: [64, 64, 48], intensity: { kind: 'zscore' }, foreground: null } },
    network: { name: 'unet3d', featureSize: 4 },
    optimizer: { lr: 0.004 },
    train: { steps: 20, batch: 2, validateEvery: 20, checkpointEvery: 20 },
  });
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as object;
  const method = { name: 'mae', crop: [32, 32, 32], block: 8, perVolume: 4 };
  writeFileSync(configFile, JSON.stringify({ ...config, method }));
  return (await train('pretrain', { configFile, runDir: join(root, name), resume: false, set: [] }, quiet)).runDir;
}

beforeAll(async () => {
  await makePhantom({ out: join(root, 'phantom'), cases: 8, seed: 1, size: [64, 64, 48], validation: 2 });
  device = await trainingDevice();
  run = await pretrained('first', 3);
  other = await pretrained('second', 4);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const job = (change: Partial<ProbeJob> = {}): ProbeJob => ({
  paths: [run],
  seeds: 2,
  seed: 0,
  crops: 96,
  device,
  ...change,
});
const probed = (change: Partial<ProbeJob> = {}, say: (text: string) => void = quiet): Promise<ProbeReport> =>
  probeRun(job(change), say);
const refused = (change: Partial<ProbeJob>): Promise<string> =>
  probed(change).then(
    () => 'not refused',
    (error: unknown) => (error as Error).message,
  );

describe('the probe of a run', () => {
  let report: ProbeReport;
  const out = join(root, 'report.json');
  beforeAll(async () => {
    report = await probed({ out });
  });

  it('asks for the organs of crops where there are labels', () => {
    expect(report).toMatchObject({ task: 'organ', data: null, crop: [32, 32, 32], crops: 96, volumes: 8 });
    expect(report.classes).toContain('liver');
    expect(report.features).toEqual({ channels: [4, 8, 16, 32, 64], length: 124 });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(report);
  });

  it('splits by volume, anew under each seed', () => {
    for (const { trainVolumes, testVolumes, trainCrops, testCrops } of report.seeds) {
      expect([...trainVolumes, ...testVolumes].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `img000${n}`));
      expect([trainCrops, testCrops]).toEqual([12 * trainVolumes.length, 12 * testVolumes.length]);
    }
    expect(report.seeds[0]!.testVolumes).not.toEqual(report.seeds[1]!.testVolumes);
  });

  it('finds a trained network better than random weights', () => {
    const differences = report.seeds.map(({ pretrained: own, random }) => own.accuracy - random.accuracy);
    expect(report.difference.mean).toBeCloseTo((differences[0]! + differences[1]!) / 2, 12);
    expect(report.difference.mean).toBeGreaterThan(0.05);
    expect(probeText(report)).toMatch(/mean difference \+\d+\.\d points, 95 % interval/);
  });

  it('is the same again, and leaves nothing on the device', async () => {
    const before = tf.memory().numTensors;
    expect(await probed()).toEqual(report);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is paired: the random network of a seed does not depend on what it is held against', async () => {
    const second = await probed({ paths: [other] });
    const randoms = ({ seeds }: ProbeReport) => seeds.map(({ random, guess, testVolumes }) => ({ random, guess, testVolumes })); // prettier-ignore
    expect(randoms(second)).toEqual(randoms(report));
    const both = await probed({ paths: [run, other] });
    expect(both.seeds.map(({ checkpoint }) => checkpoint)).toEqual([0, 1]);
    expect(both.seeds[0]!.pretrained).toEqual(report.seeds[0]!.pretrained);
    expect(both.seeds[1]!.pretrained).toEqual(second.seeds[1]!.pretrained);
  });

  it('replaces a report by force alone, and never what it reads', async () => {
    expect(await refused({ out })).toMatch(/report\.json: is there already/);
    const { file } = (await latestCheckpoint(run))!;
    expect(await refused({ out: file, force: true })).toContain('would replace what is read from it');
    expect(await refused({ out: join(root, 'phantom/imagesTr/img0001.nii.gz'), force: true })).toContain('is read');
  });
});

describe('what is said of differences', () => {
  const said = (mean: number, low: number | null, high: number | null): string => {
    const difference = { mean, deviation: null, low, high };
    const start = { task: 'position', crops: 1, crop: [32, 32, 32], volumes: 1, classes: [] } as const;
    const rest = { features: { channels: [4], length: 4 }, seeds: [], checkpoints: [] } as const;
    return probeText({ ...start, ...rest, difference } as unknown as ProbeReport).trimEnd().split('\n').at(-1)!; // prettier-ignore
  };
  it.each([
    [0.1, 0.05, 0.15, /\+10\.0 points.*\+5\.0 to \+15\.0.*: better than random weights$/],
    [0.1, -0.05, 0.25, /−5\.0 to \+25\.0.*: no sure difference from random weights$/],
    [-0.1, -0.15, -0.05, /−10\.0 points.*: worse than random weights$/],
    [-0.0001, null, null, /\+0\.0 points with one seed, which has no interval$/],
  ])('%f, from %f to %f', (mean, low, high, line) => expect(said(mean, low, high)).toMatch(line));
});

describe('what can be probed', () => {
  it('is a file without a config, where one is named', async () => {
    const weights = join(root, 'weights.safetensors');
    await writeSafetensors(weights, (await readCheckpoint((await latestCheckpoint(run))!.file)).tensors);
    expect(await refused({ paths: [weights] })).toBe(
      `${weights}: contains no config, so its network is unknown; add --config CONFIG`,
    );
    const own = await probed({ seeds: 1 });
    for (const change of [
      { paths: [weights], configFile: join(root, 'first.voco.json') },
      { paths: [run], checkpoint: weights },
    ]) {
      const { seeds } = await probed({ ...change, seeds: 1 });
      expect(seeds).toEqual(own.seeds);
    }
  });

  it('is the encoder of a fine-tuning', async () => {
    const configFile = join(root, 'down.voco.json');
    const base = JSON.parse(readFileSync(join(root, 'first.voco.json'), 'utf8')) as { data: object };
    const { method: _, schedule: _schedule, ...rest } = base as typeof base & { method: object; schedule: object };
    const config = {
      ...rest,
      kind: 'finetune',
      data: { ...base.data, validation: [], workers: undefined },
      task: { name: 'btcv' },
      crops: { size: [32, 32, 32], perVolume: 1 },
      init: { checkpoint: (await latestCheckpoint(run))!.file },
      train: { steps: 1, batch: 1, validateEvery: 9 },
    };
    writeFileSync(configFile, JSON.stringify(config));
    const { runDir } = await train(
      'finetune',
      { configFile, runDir: join(root, 'down'), resume: false, set: [] },
      quiet,
    );
    expect(await probed({ paths: [runDir], seeds: 1 })).toMatchObject({ task: 'organ', crop: [32, 32, 32] });
  });

  it('is the position of crops, in thirds along the axes in which they can move', async () => {
    const report = await probed({ task: 'position', seeds: 1, crop: [32, 32, 48], crops: 120 });
    expect(report.task).toBe('position');
    expect(report.classes).toContain('x low, y high, z middle');
    expect(report.classes.every((name) => name.endsWith('z middle'))).toBe(true);
    expect(report.classes).toHaveLength(9);
  });

  it('is other data than those of the run, with or without labels', async () => {
    const images = join(root, 'images');
    mkdirSync(images);
    for (const n of [1, 2, 3]) symlinkSync(join(root, `phantom/imagesTr/img000${n}.nii.gz`), join(images, `case${n}.nii.gz`)); // prettier-ignore
    const said: string[] = [];
    const report = await probed({ data: images, seeds: 1, crops: 30 }, (text) => said.push(text));
    expect(report).toMatchObject({ task: 'position', data: images, volumes: 3 });
    expect(said.join('\n')).toContain('asks for positions: there are no labels');
    expect(await refused({ data: images, task: 'organ' })).toContain('no label');
    const list = await probed({ data: join(root, 'phantom/dataset_0.json'), seeds: 1 });
    expect(list).toMatchObject({ task: 'organ', volumes: 8 });
  });

  it('is organs where enough cases have labels, and the others are told', async () => {
    const item = (n: number, labelled: boolean) => ({
      image: join(root, `phantom/imagesTr/img000${n}.nii.gz`),
      ...(labelled && { label: join(root, `phantom/labelsTr/label000${n}.nii.gz`) }),
    });
    const list = join(root, 'partly.json');
    const probedWith = async (labelled: number): Promise<{ report: ProbeReport; said: string }> => {
      const training = [1, 2, 3, 4].map((n) => item(n, n <= labelled));
      writeFileSync(list, JSON.stringify({ training }));
      const said: string[] = [];
      const report = await probed({ data: list, seeds: 1, crops: 40 }, (text) => said.push(text));
      return { report, said: said.join('\n') };
    };
    const most = await probedWith(3);
    expect(most.report).toMatchObject({ task: 'organ', volumes: 3 });
    expect(most.said).toMatch(/1 case left out, such as .*img0004\.nii\.gz: .* has no "label"/);
    const few = await probedWith(2);
    expect(few.report).toMatchObject({ task: 'position', volumes: 4 });
    expect(few.said).toContain('asks for positions: 2 cases with labels are too few to ask for organs');
  });

  it('takes an image that a list names twice once, so that no volume is on both sides', async () => {
    const image = (n: number) => ({ image: join(root, `phantom/imagesTr/img000${n}.nii.gz`) });
    const list = join(root, 'twice.json');
    writeFileSync(list, JSON.stringify({ training: [1, 2, 3, 4].map(image), validation: [4, 3].map(image) }));
    expect(await probed({ data: list, task: 'position', seeds: 1, crops: 40 })).toMatchObject({ volumes: 4 });
    writeFileSync(list, JSON.stringify({ training: [1, 2].map(image), validation: [2, 1].map(image) }));
    expect(await refused({ data: list, task: 'position' })).toContain('2 volumes found in');
  });
});

describe('a volume that cannot be read', () => {
  it('ends the probe with its name, or is left out where the config says so', async () => {
    const image = (n: number) => ({ image: join(root, `phantom/imagesTr/img000${n}.nii.gz`) });
    const broken = join(root, 'broken.nii.gz');
    writeFileSync(broken, 'no volume');
    const list = join(root, 'bad.json');
    writeFileSync(list, JSON.stringify({ training: [...[1, 2, 3, 4].map(image), { image: broken }] }));
    const ask = { data: list, task: 'position' as const, crops: 40 };
    expect(await refused(ask)).toMatch(/broken\.nii\.gz: .+/);
    const configFile = join(root, 'lenient.voco.json');
    const config = JSON.parse(readFileSync(join(root, 'first.voco.json'), 'utf8')) as { data: object };
    writeFileSync(configFile, JSON.stringify({ ...config, data: { ...config.data, onBadCase: 'skip' } }));
    const report = await probed({ ...ask, configFile });
    expect(report.volumes).toBe(4);
    expect(report.seeds.flatMap(({ trainVolumes, testVolumes }) => [...trainVolumes, ...testVolumes])).not.toContain('broken'); // prettier-ignore
  });
});

describe('what cannot be probed is refused in one line', () => {
  it.each([
    [
      'a crop that the network cannot take',
      { crop: [20, 20, 20] as const },
      /input size 20×20×20: .*name another size with --crop/,
    ],
    [
      'a crop that fills the volumes',
      { crop: [64, 64, 48] as const, task: 'position' as const },
      /0 volumes can be asked/,
    ],
    ['a path without weights', { paths: ['nothing-here'] }, /nothing-here: .*no such file/],
    ['another number of seeds than runs', { paths: ['a', 'b'], seeds: 5 }, /2 runs are 2 seeds, not 5/],
    ['data that are not there', { data: 'no-such-list.json' }, /no-such-list\.json: /],
  ])('%s', async (_, change, message) => {
    const line = await refused(change);
    expect(line).toMatch(message);
    expect(line).not.toContain('\n');
  });

  it('a file where a checkpoint of a run is asked for, and a run without any', async () => {
    const { file } = (await latestCheckpoint(run))!;
    expect(await refused({ paths: [file], checkpoint: 'best' })).toContain('is no run');
    const empty = join(root, 'empty');
    mkdirSync(empty);
    expect(await refused({ paths: [empty] })).toContain(`${empty}: has no checkpoint that can be probed`);
  });

  it('a stop ends it, and leaves no report', async () => {
    const out = join(root, 'stopped.json');
    const stopped = probed({ out, crops: 4000 }, (text) => {
      if (text.startsWith('device')) setImmediate(() => process.emit('SIGINT', 'SIGINT'));
    });
    await expect(stopped).rejects.toThrow(/interrupted by SIGINT/);
    expect(existsSync(out)).toBe(false);
  });
});
