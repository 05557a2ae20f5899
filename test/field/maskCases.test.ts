/** Data sets with a mask for each class, some cases of which lack theirs: single bad cases, for check, runs and evaluation alike. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkConfig } from '../../src/check/dataset';
import { loadConfig } from '../../src/config';
import { evaluate } from '../../src/evaluate';
import { readResults, readSkipped } from '../../src/runs';
import { RandomStream, streamId } from '../../src/random/random';
import { train } from '../../src/train';
import { orient, shiftAffine, spatialCrop, writeNifti, type Affine, type Volume } from '../../src/volume';
import { trainingDevice } from '../support/trainer';
import { quiet, runsFolder, writeFinetune } from '../unit/downstream/support';

const folder = runsFolder('field-masks');
const SIZE = [18, 18, 18] as const;
const AFFINE: Affine = Float64Array.of(-1.5, 0, 0, 40, 0, 1.5, 0, -25, 0, 0, 2, 10, 0, 0, 0, 1);
const CLASSES = ['liver', 'spleen'] as const;
const COUNT = SIZE[0] * SIZE[1] * SIZE[2];

let device: string;

/** A block of each class, side by side. */
function mask(which: number): Volume<Uint8Array> {
  const data = Uint8Array.from({ length: COUNT }, (_, n) => {
    const [x, y, z] = [Math.floor(n / 324), Math.floor(n / 18) % 18, n % 18];
    return y > 3 && y < 14 && z > 3 && z < 14 && x >= 3 + 6 * which && x < 9 + 6 * which ? 1 : 0;
  });
  return { data, shape: [1, ...SIZE], affine: AFFINE };
}

async function put(path: string, volume: Volume): Promise<void> {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  await writeNifti(join(folder, path), volume);
}

async function putImage(path: string): Promise<void> {
  const random = new RandomStream(streamId(path));
  const [a, b] = [mask(0).data, mask(1).data];
  const data = Float32Array.from(a, (one, n) => 100 + 80 * one + 160 * b[n]! + random.range(-40, 40));
  await put(path, { data, shape: [1, ...SIZE], affine: AFFINE });
}

async function putCase(set: string, name: string, masks: readonly (Volume | undefined)[]): Promise<void> {
  await putImage(`${set}/${name}/ct.nii.gz`);
  for (const [i, volume] of masks.entries())
    if (volume) await put(`${set}/${name}/segmentations/${CLASSES[i]!}.nii.gz`, volume);
}

const both = [mask(0), mask(1)];
const cutMask = (which: number): Volume => spatialCrop(mask(which), [6 + 6 * which, 9, 9], [6, 10, 10]);

beforeAll(async () => {
  device = await trainingDevice();
  process.env.VOCO_CACHE_DIR = join(folder, 'cache');
  await putCase('total', 's1', both);
  await putCase('total', 's2', []);
  await putCase('total', 's3', [mask(0), { ...mask(1), affine: shiftAffine(AFFINE, [2, 0, 0]) }]);
  await putCase('total', 's4', both);
  await putCase('held', 'h1', both);
  await putCase('held', 'h2', []);
  await putCase('cut', 'c1', [cutMask(0), cutMask(1)]);
  await putCase('cut', 'c2', [orient(mask(0), 'SPL'), cutMask(1)]);
  // Only the far half of the second mask is on the image.
  await putCase('cut', 'c3', [cutMask(0), { ...cutMask(1), affine: shiftAffine(AFFINE, [15, 4, 4]) }]);
});

afterEach(() => vi.restoreAllMocks());

const config = (name: string, data: Record<string, unknown>): string =>
  writeFinetune(folder, name, {
    seed: 1,
    device,
    task: { name: 'custom', classes: CLASSES.map((one, i) => ({ name: one, values: [i + 1] })) },
    data: {
      train: [{ folder: 'total', masks: 'all' }],
      validation: [{ folder: 'held', masks: 'all' }],
      preprocess: { spacing: null, intensity: { kind: 'zscore' }, foreground: null },
      cache: { folder: 'cache' },
      ...data,
    },
    crops: { size: [16, 16, 32], perVolume: 2 },
    network: { name: 'unet3d', featureSize: 4 },
    train: { steps: 2, validateEvery: 2, checkpointEvery: 2 },
    inference: { overlap: 0.25 },
  });

const check = async (file: string) =>
  checkConfig((await loadConfig(file, { kind: 'finetune' })).config, file, { depth: 'voxels', downstream: [] });

const parent = (image: string): string => basename(dirname(image));

describe('cases without masks, or with masks that do not fit', () => {
  it('are bad cases of the check, which lists and merges once', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { bad, volumes, findings } = await check(config('check', {}));
    const bars = written.mock.calls.filter(([text]) => /merging masks.* 1\//.test(String(text)));
    expect(bars).toHaveLength(1);
    expect(volumes).toBe(6);
    expect(bad.map(({ item, part }) => `${part} ${parent(item.image as string)}`)).toEqual([
      'train s2',
      'train s3',
      'validation h2',
    ]);
    const errors = findings
      .filter(({ severity }) => severity === 'error')
      .map(({ file, message }) => `${file} ${message}`);
    expect(errors).toHaveLength(3);
    expect(errors[0]).toMatch(/s2\/ct\.nii\.gz no folder of masks \(segmentations\) lies beside it/);
    expect(errors[1]).toMatch(/s3\/segmentations\/spleen\.nii\.gz lies on another voxel grid/);
  });

  it('stop a run by default, with their names and what to do', async () => {
    const run = train('finetune', { configFile: config('stop', {}), resume: false, set: [] }, quiet);
    await expect(run).rejects.toThrow(/s2\/ct\.nii\.gz: no folder of masks[^]*h2[^]*set data\.onBadCase to "skip"/);
  });

  it('are skipped in training and evaluation where the config says so', async () => {
    const file = config('skip', { onBadCase: 'skip' });
    const { runDir, outcome } = await train('finetune', { configFile: file, resume: false, set: [] }, quiet);
    expect(outcome).toBe('finished');
    expect((await readSkipped(runDir)).map(({ image }) => parent(image))).toEqual(['s2', 's3', 'h2']);
    await evaluate({ runDir, set: [] }, quiet);
    expect((await readResults(runDir)).cases.map(({ image }) => parent(image))).toEqual(['h1']);
  });

  it('are an error of the source when no case has masks', async () => {
    mkdirSync(join(folder, 'bare/b1'), { recursive: true });
    writeFileSync(join(folder, 'bare/b1/ct.nii.gz'), readFileSync(join(folder, 'total/s1/ct.nii.gz')));
    const { findings } = await check(config('bare', { train: [{ folder: 'bare', masks: 'all' }] }));
    expect(findings.find(({ severity }) => severity === 'error')!.message).toMatch(/no folder of masks/);
  });
});

describe('masks that are cut to what is labelled', () => {
  it('are merged on the image; voxels outside of it are an error', async () => {
    const { bad } = await check(config('cut', { train: [{ folder: 'cut', masks: 'all' }] }));
    const found = bad.filter(({ part }) => part === 'train');
    expect(found.map(({ item }) => parent(item.image as string))).toEqual(['c3']);
    expect(found[0]!.findings.map(({ message }) => message).join()).toMatch(
      /300 voxels of the mask lie outside of .*ct\.nii\.gz/,
    );
    const cut = config('cut-run', { train: [{ folder: 'total', masks: 'all' }], validation: [{ folder: 'cut', masks: 'all' }], onBadCase: 'skip' }); // prettier-ignore
    const { runDir } = await train('finetune', { configFile: cut, resume: false, set: [] }, quiet);
    await evaluate({ runDir, set: [] }, quiet);
    const { cases } = await readResults(runDir);
    for (const { classes } of cases)
      expect(classes.map(({ volume }) => volume!.truth)).toEqual([2.7, 2.7].map((ml) => expect.closeTo(ml, 6)));
    expect(cases).toHaveLength(2);
  });
});
