/** A folder of a thousand small CT volumes, ten of them damaged in ten ways: the check of data and a run that skips tell the same ten. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { taskName, taskOf } from '../../src/catalog';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { createLoader } from '../../src/loader';
import { vocoSampler } from '../../src/pretext/voco/sampler';
import type { LoaderSettings } from '../../src/pretext/voco/settings';
import { RandomStream } from '../../src/random/random';
import { readRunState, readSkipped } from '../../src/runs';
import { caseDemands } from '../../src/tasks/demands';
import { train } from '../../src/train';
import { writeNifti } from '../../src/volume';
import { trainingDevice, writeConfig } from '../support/trainer';

const CASES = 1000;
const SIDE = 12;
const root = mkdtempSync(join(tmpdir(), 'voco-thousand-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A body of soft tissue in air, with noise: 12³ voxels of 3 mm. */
function smallCt(seed: number): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: SIDE ** 3 }, (_, i) => {
    const at = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
    const inside = at.every((n) => n >= 2 && n < SIDE - 2);
    return Math.round((inside ? 40 : -1000) + random.range(-25, 25));
  });
}

const affine = Float64Array.from([3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]);
const fileOf = (i: number): string => join(root, 'ct', `case${String(i).padStart(4, '0')}.nii.gz`);

async function write(i: number, change: (hounsfield: number, at: number) => number = (value) => value) {
  const data = Int16Array.from(smallCt(i), change);
  await writeNifti(fileOf(i), { data, shape: [1, SIDE, SIDE, SIDE], affine });
}

const bytesOf = (i: number): Buffer => readFileSync(fileOf(i));
const put = (i: number, bytes: Buffer): void => writeFileSync(fileOf(i), bytes);

/** What befalls ten of the cases, by their numbers. */
const DAMAGE: Record<number, (i: number) => unknown> = {
  17: (i) => {
    const bytes = bytesOf(i);
    bytes[bytes.length - 8]! ^= 0xff;
    put(i, bytes);
  },
  123: (i) => put(i, bytesOf(i).subarray(0, 700)),
  204: (i) => {
    const inflated = gunzipSync(bytesOf(i));
    inflated.writeInt16LE(999, 70);
    put(i, gzipSync(inflated));
  },
  333: (i) => put(i, Buffer.from('<html>404 Not Found</html>')),
  391: (i) => put(i, Buffer.alloc(0)),
  456: (i) => write(i, (hounsfield) => hounsfield + 1024),
  512: (i) => write(i, (hounsfield) => Math.max(0, hounsfield)),
  640: (i) => write(i, () => -1000),
  777: async (i) => {
    const data = Uint16Array.from(smallCt(i), (hounsfield) => hounsfield & 0xffff);
    await writeNifti(fileOf(i), { data, shape: [1, SIDE, SIDE, SIDE], affine });
  },
  901: async (i) => {
    const data = Float32Array.from(smallCt(i), (hounsfield) => (hounsfield + 1024) / 4095);
    await writeNifti(fileOf(i), { data, shape: [1, SIDE, SIDE, SIDE], affine });
  },
};

const TEN = Object.keys(DAMAGE)
  .map((i) => basename(fileOf(Number(i))))
  .sort();

let device = '';
beforeAll(async () => {
  device = await trainingDevice();
  await write(0);
  const whole = gunzipSync(bytesOf(0));
  // Through the writer, a thousand files would take longer than what is tested.
  for (let i = 0; i < CASES; i++) {
    Int16Array.from(smallCt(i)).forEach((value, at) => whole.writeInt16LE(value, 352 + 2 * at));
    put(i, gzipSync(whole, { level: 1 }));
  }
  for (const [i, damage] of Object.entries(DAMAGE)) await damage(Number(i));
});

const config = (name: string, cache: string): string =>
  writeConfig(root, name, device, {
    data: {
      train: [{ folder: 'ct' }],
      validation: [],
      onBadCase: 'skip',
      preprocess: { resize: [32, 16, 32], foreground: null },
      cache: { folder: cache },
    },
    method: { grid: [2, 1, 1], crop: [16, 16, 32], input: [16, 16, 32] },
    train: { steps: 2, batch: 2, validateEvery: 2, checkpointEvery: 2, keepLast: 1 },
  });

describe('a thousand cases, ten of them damaged', () => {
  it('are told by the check of data, and then skipped by a run', async () => {
    const file = config('skip', 'cache');
    const loaded = (await loadConfig(file)).config;
    const { bad, volumes } = await checkConfig(loaded, file, { depth: 'voxels', downstream: [] });
    expect(volumes).toBe(CASES);
    expect(bad.map(({ item }) => basename(item.image as string)).sort()).toEqual(TEN);
    expect(bad.every(({ findings }) => findings.some(({ severity }) => severity === 'error'))).toBe(true);

    const said: string[] = [];
    const { runDir } = await train('pretrain', { configFile: file, resume: false, set: [] }, (text) => said.push(text));
    const skipped = await readSkipped(runDir);
    expect(skipped.map(({ image }) => basename(image)).sort()).toEqual(TEN);
    expect((await readRunState(runDir)).skipped).toBe(TEN.length);
    expect(said.join('\n')).toContain('data: 990 volumes to train on, 0 held out, 10 left out as bad');
  });

  it('are found one by one by a loader that nobody has told, and give the same batches', async () => {
    const loaded = (await loadConfig(config('late', 'other'), { kind: 'pretrain' })).config;
    const task = await taskOf(loaded);
    const { train: all } = await task.findCases(loaded);
    const settings = task.samplerSettings(loaded) as LoaderSettings;
    const store = { ...settings.store, cacheFolder: null, demands: caseDemands(loaded, task.checks(loaded)) };
    // The ten, and every twentieth of the others.
    const cases = all.filter(({ image }, i) => TEN.includes(basename(image as string)) || i % 20 === 0);
    const common = { task: taskName(loaded), sampler: vocoSampler, cases, seed: 5, batch: 5, workers: 0, prefetch: 1 };
    const found: string[] = [];
    const late = createLoader({
      ...common,
      settings: { ...settings, store },
      onSkip: (_, { image }) => found.push(image),
    });
    const leftOut = TEN.map((name) => join(root, 'ct', name));
    const told = createLoader({ ...common, settings: { ...settings, store }, leftOut });
    for (let step = 0; step < cases.length / 5; step++) {
      const [a, b] = [await late.next(), await told.next()];
      expect(a.cases).toEqual(b.cases);
      expect(a.centres).toEqual(b.centres);
      expect(a.cases.filter((image) => leftOut.includes(image))).toEqual([]);
    }
    expect(found.map((image) => basename(image)).sort()).toEqual(TEN);
    await Promise.all([late.close(), told.close()]);
  });
});
