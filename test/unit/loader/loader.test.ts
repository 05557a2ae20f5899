import { boxAround, type Vec3 } from '../../../src/geometry';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheStatus } from '../../../src/data/cache';
import type { CropBatch } from '../../../src/pretext/voco/batch';
import { VolumeStore } from '../../../src/data/volumeStore';
import { UserError } from '../../../src/errors/userError';
import { RandomStream } from '../../../src/random/random';
import { createLoader, type Loaded, type LoaderOptions } from '../../../src/loader';
import { vocoSampler } from '../../../src/pretext/voco/sampler';
import type { LoaderSettings } from '../../../src/pretext/voco/settings';
import { preprocess, readVolume, writeNifti } from '../../../src/volume';
import { baseBoxes, createCropGrid, positionLabel } from '../../../src/pretext/voco/geometry';

const root = mkdtempSync(join(tmpdir(), 'voco-loader-'));
const workerFile = join(root, 'data-worker.cjs');
const cases = Array.from({ length: 5 }, (_, i) => ({ id: `c${i}`, image: join(root, `c${i}.nii.gz`) }));

async function writeVolume(file: string, size: Vec3, seed: number, channels = 1): Promise<void> {
  const random = new RandomStream(seed);
  const data = Int16Array.from({ length: channels * size[0] * size[1] * size[2] }, () => random.integer(-200, 300));
  const affine = Float64Array.from([-2, 0, 0, 50, 0, 2, 0, -60, 0, 0, 5, 7, 0, 0, 0, 1]);
  await writeNifti(file, { data, shape: [channels, ...size], affine });
}

type CropLoaderOptions = LoaderOptions<LoaderSettings, (typeof cases)[number], CropBatch>;
type LoadedBatch = Loaded<CropBatch>;

function options(change: Partial<CropLoaderOptions> = {}): CropLoaderOptions {
  return {
    task: { kind: 'pretrain', name: 'voco' },
    sampler: vocoSampler,
    cases,
    settings: {
      grid: [3, 2, 1],
      crop: [8, 8, 8],
      input: [6, 6, 6],
      randomCrops: 2,
      augment: { flip: 0.3, rotate90: 0.4, shiftIntensity: { prob: 0.5, offset: 0.1 } },
      store: {
        preprocess: {
          orientation: 'RAS',
          spacing: null,
          intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
          foreground: null,
          resize: [24, 16, 8],
        },
        channel: 0,
        cacheFolder: join(root, 'cache'),
        memoryBytes: 1 << 20,
      },
    },
    seed: 11,
    batch: 2,
    workers: 0,
    prefetch: 2,
    workerFile,
    ...change,
  };
}

/** A copy that outlives the release of the batch's memory. */
function copy<T extends CropBatch>(batch: T): T {
  return { ...batch, random: batch.random.slice(), bases: batch.bases.slice() };
}

async function run(change: Partial<CropLoaderOptions>, count: number): Promise<LoadedBatch[]> {
  const loader = createLoader(options(change));
  const batches: LoadedBatch[] = [];
  for (let i = 0; i < count; i++) {
    const batch = await loader.next();
    batches.push(copy(batch));
    loader.release(batch);
  }
  await loader.close();
  return batches;
}

let reference: LoadedBatch[];

beforeAll(async () => {
  await Promise.all(cases.map((item, i) => writeVolume(item.image, [20 + i, 18, 9], i)));
  await build({
    entryPoints: [join(import.meta.dirname, '../../../src/loader/worker.ts')],
    outfile: workerFile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'es2022',
    mainFields: ['module', 'main'],
    external: ['webgpu', '@tensorflow/tfjs-node-gpu', '*.node'],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  reference = await run({}, 8);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('crop loader', () => {
  it('delivers steps in order, every epoch through all cases in another order', () => {
    expect(reference.map((batch) => batch.step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(reference.map((batch) => batch.epoch)).toEqual([0, 0, 0, 1, 1, 2, 2, 2]);
    const seen = reference.flatMap((batch) => batch.cases);
    const epochs = [0, 1, 2].map((epoch) => seen.slice(5 * epoch, 5 * epoch + 5));
    for (const epoch of epochs) expect([...epoch].sort()).toEqual(cases.map((item) => item.image));
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBeGreaterThan(1);
  });

  it('gives batches the shapes of the contract, and labels that belong to the centres', () => {
    const grid = createCropGrid([3, 2, 1], [8, 8, 8], [24, 16, 8]);
    for (const batch of reference) {
      expect([batch.volumes, batch.randomPerVolume, batch.basesPerVolume, batch.channels]).toEqual([2, 2, 6, 1]);
      expect(batch.random).toHaveLength(2 * 2 * 216);
      expect(batch.bases).toHaveLength(2 * 6 * 216);
      for (let crop = 0; crop < 4; crop++) {
        const centre = [...batch.centres.subarray(3 * crop, 3 * crop + 3)] as unknown as Vec3;
        const expected = positionLabel(boxAround(centre, grid.crop), grid);
        expect(batch.labels.subarray(6 * crop, 6 * crop + 6)).toEqual(expected);
      }
    }
  });

  it('cuts the crops that it says, without augmentation', async () => {
    const { settings } = options();
    const augment = { flip: 0, rotate90: 0, shiftIntensity: { prob: 0, offset: 0 } };
    const [batch] = await run({ settings: { ...settings, augment, input: [8, 8, 8] } }, 1);
    const { volume } = await readVolume(batch!.cases[1]!);
    const { data } = preprocess(volume, settings.store.preprocess).volume;
    const voxelsOf = (start: Vec3) =>
      Float32Array.from({ length: 512 }, (_, i) => {
        const [x, y, z] = [i >> 6, (i >> 3) & 7, i & 7];
        return data[((start[0] + x) * 16 + start[1] + y) * 8 + start[2] + z]!;
      });
    const boxes = baseBoxes(createCropGrid([3, 2, 1], [8, 8, 8], [24, 16, 8]));
    boxes.forEach((box, i) => expect(batch!.bases.subarray((6 + i) * 512, (7 + i) * 512)).toEqual(voxelsOf(box.start)));
    const centre = [...batch!.centres.subarray(9, 12)] as unknown as Vec3;
    expect(batch!.random.subarray(3 * 512)).toEqual(voxelsOf(boxAround(centre, [8, 8, 8]).start));
  });

  it('augments every crop on its own', () => {
    const { bases } = reference[0]!;
    const sums = Array.from(
      { length: 12 },
      (_, i) => bases.slice(216 * i, 216 * i + 216).reduce((a, b) => a + b) / 216,
    );
    expect(new Set(sums.map((sum) => sum.toFixed(4))).size).toBe(12);
  });

  it('gives the same batches from any start, with any number of workers', async () => {
    expect(await run({ startStep: 5 }, 3)).toEqual(reference.slice(5));
    expect(await run({ workers: 1, prefetch: 1 }, 8)).toEqual(reference);
    expect(await run({ workers: 3, prefetch: 5, startStep: 2 }, 6)).toEqual(reference.slice(2));
  });

  it('gives the same batches whatever is cached', async () => {
    const { settings } = options();
    const uncached = { ...settings, store: { ...settings.store, cacheFolder: null, memoryBytes: 0 } };
    expect(await run({ settings: uncached }, 4)).toEqual(reference.slice(0, 4));
    expect((await cacheStatus(join(root, 'cache'))).entries).toBe(5);
  });

  it('draws other crops for another seed', async () => {
    const [batch] = await run({ seed: 12 }, 1);
    expect(batch!.centres).not.toEqual(reference[0]!.centres);
  });

  it('makes validation batches that depend on the case and draw only', async () => {
    const first = createLoader(options());
    const second = createLoader(options({ workers: 2, cases: cases.slice(0, 1) }));
    const a = await first.validationBatch(cases[3]!, 4);
    await second.next();
    const b = await second.validationBatch(cases[3]!, 4);
    expect(b).toEqual(a);
    expect((await first.validationBatch(cases[3]!, 5)).centres).not.toEqual(a.centres);
    expect(a.volumes).toBe(1);
    await Promise.all([first.close(), second.close()]);
  });

  it('fills the memory of released batches again', async () => {
    const loader = createLoader(options());
    const first = await loader.next();
    const memory = first.bases.buffer;
    loader.release(first);
    const second = await loader.next();
    expect(second.bases.buffer).toBe(memory);
    expect(second.bases).toEqual(reference[1]!.bases);
    await loader.close();
  });
});

describe('crop loader errors', () => {
  for (const workers of [0, 2])
    it(`name the file, with ${workers} workers`, async () => {
      const bad = join(root, 'bad.nii.gz');
      writeFileSync(bad, 'not a volume');
      const loader = createLoader(options({ cases: [{ id: 'x', image: bad }], workers }));
      const error: unknown = await loader.next().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).message).toContain(bad);
      expect((error as UserError).message).not.toContain('\n');
      await loader.close();
    });

  it('say when a volume is too small for the grid', async () => {
    const { settings } = options();
    const store = { ...settings.store, preprocess: { ...settings.store.preprocess, resize: null } };
    const loader = createLoader(options({ settings: { ...settings, store } }));
    await expect(loader.next()).rejects.toThrow(/c\d\.nii\.gz: crop grid: 3 crops of 8 voxels need 24 voxels along x/);
  });

  it('say when the number of channels differs', async () => {
    const two = join(root, 'two.nii.gz');
    await writeVolume(two, [20, 18, 9], 1, 2);
    const { settings } = options();
    const all = { ...settings, store: { ...settings.store, channel: 'all' as const } };
    const loader = createLoader(options({ cases: [{ id: 'x', image: two }, cases[0]!], settings: all }));
    await expect(loader.next()).rejects.toThrow(/channels, but .* has [12]/);
  });

  it('reject a data set without cases', () => {
    expect(() => createLoader(options({ cases: [] }))).toThrow(UserError);
  });

  it('reach whoever waits when a worker dies or is missing', async () => {
    const broken = join(root, 'broken-worker.cjs');
    writeFileSync(broken, 'setTimeout(() => process.exit(3), 50);');
    const loader = createLoader(options({ workers: 1, workerFile: broken }));
    await expect(loader.next()).rejects.toThrow(/worker thread ended unexpectedly/);
    await loader.close();
  });
});

describe('volume store', () => {
  const { store: settings } = options().settings;

  it('keeps what was used last, up to its limit', async () => {
    const one = 24 * 16 * 8 * 4;
    const store = new VolumeStore({ ...settings, cacheFolder: null, memoryBytes: 2 * one });
    const [a, b] = [await store.load(cases[0]!), await store.load(cases[1]!)];
    expect(await store.load(cases[0]!)).toBe(a);
    await store.load(cases[2]!);
    expect(await store.load(cases[0]!)).toBe(a);
    expect(await store.load(cases[1]!)).not.toBe(b);
  });

  it('loads a volume once when it is asked for twice at the same time', async () => {
    const store = new VolumeStore({ ...settings, cacheFolder: null });
    const [a, b] = await Promise.all([store.load(cases[0]!), store.load(cases[0]!)]);
    expect(a).toBe(b);
  });

  it('goes on without a cache that cannot be written, and says so once', async () => {
    const folder = join(root, 'file-in-the-way');
    writeFileSync(folder, '');
    const warnings: string[] = [];
    const store = new VolumeStore({ ...settings, cacheFolder: folder }, (message) => warnings.push(message));
    await store.load(cases[0]!);
    await store.load(cases[1]!);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/file-in-the-way.*continuing without the cache/);
  });

  it('stacks the files of a case as channels, and refuses another grid', async () => {
    const folder = join(root, 'multi');
    mkdirSync(folder);
    const files = ['flair', 't1', 'odd'].map((name) => join(folder, `${name}.nii.gz`));
    await writeVolume(files[0]!, [20, 18, 9], 1);
    await writeVolume(files[1]!, [20, 18, 9], 2);
    await writeVolume(files[2]!, [20, 17, 9], 3);
    const store = new VolumeStore({ ...settings, cacheFolder: null });
    const both = await store.load({ image: files.slice(0, 2) });
    expect(both.shape).toEqual([2, 24, 16, 8]);
    const second = await store.load({ image: files[1]! });
    expect(both.data.subarray(24 * 16 * 8)).toEqual(second.data);
    await expect(store.load({ image: files })).rejects.toThrow(
      /odd\.nii\.gz: does not lie on the voxel grid of .*flair\.nii\.gz/,
    );
  });
});
