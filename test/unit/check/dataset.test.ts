import type { Vec3 } from '../../../src/geometry';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDataset, checkSources, type CheckOptions, type Finding } from '../../../src/check/dataset';
import { sizeBeforeCrops } from '../../../src/data/judge';
import { findInSource, type Case } from '../../../src/data/datalist';
import { RandomStream } from '../../../src/random/random';
import { readHeader, writeNifti, type PreprocessSettings, type Volume, type VoxelArray } from '../../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-check-'));
afterAll(() => rmSync(root, { recursive: true }));

const LAS: Vec3 = [-1, 1, 1];

interface Shape {
  size?: Vec3;
  spacing?: Vec3;
  signs?: Vec3;
  channels?: number;
  shift?: number;
}

function volumeOf<T extends VoxelArray>(data: T, shape: Shape): Volume<T> {
  const { size = [8, 7, 6], spacing = [2, 2, 3], signs = LAS, channels = 1, shift = 0 } = shape;
  const affine = Float64Array.from([0, 0, 0, 10 + shift, 0, 0, 0, -20, 0, 0, 0, 30, 0, 0, 0, 1]);
  for (const axis of [0, 1, 2] as const) affine[5 * axis] = signs[axis] * spacing[axis];
  return { data, shape: [channels, ...size], affine };
}

let images = 0;
async function image(path: string, shape: Shape = {}, values?: (i: number) => number): Promise<string> {
  const random = new RandomStream(images++);
  const { size = [8, 7, 6], channels = 1 } = shape;
  const length = size[0] * size[1] * size[2] * channels;
  const data = Float32Array.from({ length }, (_, i) => values?.(i) ?? random.integer(-1000, 500));
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  await writeNifti(file, volumeOf(data, shape));
  return file;
}

async function label(path: string, shape: Shape = {}, value: (i: number) => number = (i) => i % 3): Promise<string> {
  const { size = [8, 7, 6] } = shape;
  const data = Uint8Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => value(i));
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  await writeNifti(file, volumeOf(data, shape));
  return file;
}

const caseOf = (file: string | string[], labelFile?: string): Case => ({
  id: String(file),
  image: file,
  source: 's',
  ...(labelFile !== undefined && { label: labelFile }),
});

const NO_STEPS: PreprocessSettings = {
  orientation: null,
  spacing: null,
  intensity: null,
  foreground: null,
  resize: null,
};

interface Asked extends Partial<Omit<CheckOptions, 'cases' | 'demands'>> {
  cases: readonly Case[];
  channel?: number | 'all';
  preprocess?: PreprocessSettings;
  gridSize?: Vec3;
  labels?: boolean;
  /** Classes of the task with background: labels are 0 to n − 1. */
  expectedClasses?: number;
  /** Reads voxels too. */
  deep?: boolean;
}

function optionsOf(asked: Asked): CheckOptions {
  const { channel = 0, preprocess = NO_STEPS, gridSize, labels, expectedClasses = 3, deep, ...rest } = asked;
  const classes = Array.from({ length: expectedClasses - 1 }, (_, i) => ({ name: `class ${i + 1}`, values: [i + 1] }));
  return {
    ...rest,
    depth: deep ? 'voxels' : 'headers',
    demands: {
      channel,
      preprocess,
      ...(gridSize && { gridSize }),
      ...(labels && { labels: { classes, unlisted: 'error', ignore: null, onImageGrid: false } }),
    },
  };
}

async function check(asked: Asked): Promise<readonly Finding[]> {
  const findings = await checkDataset(optionsOf(asked));
  for (const one of findings) {
    expect(one.message).not.toContain('\n');
    expect(one.advice.length).toBeGreaterThan(10);
  }
  return findings;
}

const about = (findings: readonly Finding[], file: string) =>
  findings.filter((one) => one.file === file).map((one) => `${one.severity}: ${one.message}`);

let good: Case[];
beforeAll(async () => {
  good = [];
  for (let i = 0; i < 6; i++)
    good.push(caseOf(await image(`good/img${i}.nii.gz`), await label(`goodLabels/label${i}.nii.gz`)));
});

describe('checkDataset', () => {
  it('finds nothing wrong with a sound data set', async () => {
    const progress: number[] = [];
    const findings = await check({
      cases: good.slice(0, 5),
      validation: good.slice(5),
      labels: true,
      expectedClasses: 3,
      deep: true,
      gridSize: [8, 7, 6],
      preprocess: {
        orientation: 'RAS',
        spacing: null,
        intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
        foreground: null,
        resize: null,
      },
      onProgress: (done, total) => progress.push(done / total),
    });
    expect(findings).toEqual([]);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toHaveLength(6);
  });

  it('finds missing and unreadable files, errors first', async () => {
    const torn = await image('torn.nii');
    truncateSync(torn, 400);
    const garbage = join(root, 'garbage.nii.gz');
    writeFileSync(garbage, 'not gzip at all');
    const gone = join(root, 'gone.nii.gz');
    const findings = await check({ cases: [...good, caseOf(torn), caseOf(garbage), caseOf(gone)] });
    expect(about(findings, gone).join()).toMatch(/^error: .*no such file/);
    expect(about(findings, garbage)).toHaveLength(1);
    expect(about(findings, torn)).toHaveLength(1);
    expect(findings.every((one) => one.severity === 'error')).toBe(true);
  });

  it('compares labels with their images', async () => {
    const one = await image('pair/one.nii.gz');
    const size = await label('pair/size.nii.gz', { size: [8, 7, 5], shift: 0.3 });
    const part = await label('pair/part.nii.gz', { size: [8, 7, 5] });
    const moved = await label('pair/moved.nii.gz', { shift: 40 });
    const nudged = await label('pair/nudged.nii.gz', { shift: 0.3 });
    const deep = { labels: true, deep: true, expectedClasses: 3 };
    expect(about(await check({ cases: [caseOf(one, size)], ...deep }), size).join()).toMatch(
      /^error: lies on another voxel grid than its image .*8×7×5 voxels/,
    );
    expect(about(await check({ cases: [caseOf(one, part)], ...deep }), part).join()).toMatch(
      /^warning: covers a part of its image .*8×7×5 voxels from voxel \(0, 0, 0\) on; the rest/,
    );
    expect(about(await check({ cases: [caseOf(one, moved)], ...deep }), moved).join()).toMatch(
      /^error: lies up to 40 mm away from its image/,
    );
    expect(about(await check({ cases: [caseOf(one, nudged)], ...deep }), nudged).join()).toMatch(
      /^warning: lies up to 0.3 mm off its image/,
    );
    expect(about(await check({ cases: [caseOf(one)], labels: true }), one)).toEqual(['error: has no label']);
  });

  it('tells of bytes behind the gzip data of images and labels, with and without their voxels', async () => {
    const one = await image('behind/one.nii.gz');
    const map = await label('behind/map.nii.gz', {});
    for (const file of [one, map]) appendFileSync(file, 'HTTP/1.1 200 OK, and what else a proxy left');
    for (const deep of [true, false]) {
      const found = await check({ cases: [caseOf(one, map)], labels: true, deep });
      for (const file of [one, map])
        expect(about(found, file)).toEqual([expect.stringMatching(/^warning: bytes behind the gzip data/)]);
    }
  });

  it('advises one thing on what stands in the place of a volume', async () => {
    const pointer = join(root, 'pointer.nii.gz');
    writeFileSync(pointer, 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n');
    const found = await check({ cases: [...good, caseOf(pointer)] });
    expect(found.filter(({ file }) => file === pointer)).toEqual([
      expect.objectContaining({
        message: 'is a pointer of Git LFS, not the volume itself, which was not downloaded',
        advice: 'run "git lfs pull" in its repository',
      }),
    ]);
  });

  it('tells once of a file that is in two lists', async () => {
    const one = await image('both/one.nii.gz');
    const nudged = await label('both/nudged.nii.gz', { shift: 0.3 });
    const lists = { cases: [caseOf(one, nudged)], validation: [caseOf(one, nudged)] };
    const found = await check({ ...lists, labels: true });
    expect(about(found, nudged)).toHaveLength(1);
    expect(about(found, one).join()).toMatch(/is in the validation list/);
  });

  it('reads label values when asked to', async () => {
    const one = await image('values/one.nii.gz');
    const high = await label('values/high.nii.gz', {}, (i) => (i === 5 ? 14 : i % 14));
    const empty = await label('values/empty.nii.gz', {}, () => 0);
    const fraction = await image('values/fraction.nii.gz', {}, (i) => i / 10);
    const options = { labels: true, expectedClasses: 14 };
    expect(about(await check({ cases: [caseOf(one, high)], ...options }), high)).toEqual([]);
    const deep = { ...options, deep: true };
    expect(about(await check({ cases: [caseOf(one, high)], ...deep }), high)).toEqual([
      'error: has the value 14 (1 voxel), which belongs to no class of the task (values: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)',
    ]);
    expect(about(await check({ cases: [caseOf(one, empty)], ...deep }), empty)).toEqual([
      'warning: has no voxel of any class: all is background',
    ]);
    expect(about(await check({ cases: [caseOf(one, fraction)], ...deep }), fraction).join()).toMatch(
      /^error: (holds multiples of 0\.1|.*lie between whole numbers|is an image, not a label map)/,
    );
  });

  it('notices voxels that are not numbers, constant or not Hounsfield units', async () => {
    const nan = await image('deep/nan.nii.gz', {}, (i) => (i < 3 ? NaN : -i));
    const flat = await image('deep/flat.nii.gz', {}, () => 7);
    const mri = await image('deep/mri.nii.gz', {}, (i) => i);
    const preprocess = {
      orientation: 'RAS',
      spacing: null,
      intensity: { kind: 'window', low: -175, high: 250, to: [0, 1], clip: true },
      foreground: null,
      resize: [8, 8, 8],
    } as const;
    const findings = await check({ cases: [nan, flat, mri].map((file) => caseOf(file)), deep: true, preprocess });
    expect(about(findings, nan)).toEqual(['warning: 3 voxels are NaN or infinite']);
    expect(about(findings, flat)).toEqual(['error: all voxels have the same value, 7']);
    expect(about(findings, mri).join()).toMatch(/^warning: lowest value is 0: not Hounsfield units/);
  });

  it('finds a compressed file that ends too early, without being asked to read every voxel', async () => {
    const whole = await image('cut/whole.nii.gz', { size: [40, 40, 40] });
    const cut = join(root, 'cut/cut.nii.gz');
    copyFileSync(whole, cut);
    truncateSync(cut, Math.floor(readFileSync(whole).length / 2));
    // Blocks, as bgzip writes them, and padding behind the voxels are fine.
    const inflated = gunzipSync(readFileSync(whole));
    const members = join(root, 'cut/members.nii.gz');
    writeFileSync(
      members,
      Buffer.concat([gzipSync(inflated.subarray(0, 70_000)), gzipSync(inflated.subarray(70_000))]),
    );
    const padded = join(root, 'cut/padded.nii.gz');
    writeFileSync(padded, gzipSync(Buffer.concat([inflated, Buffer.alloc(512)])));
    const files = [whole, cut, members, padded];
    const findings = await check({ cases: files.map((file) => caseOf(file)) });
    expect(about(findings, cut)).toEqual(['error: truncated: the gzip data ends too early']);
    for (const file of [whole, members, padded])
      expect(about(findings, file)).not.toContainEqual(expect.stringMatching(/truncated|damaged/));
    expect(findings.filter((one) => one.severity === 'error')).toHaveLength(1);
  });

  it('notices label maps among the images, by their names or their voxels', async () => {
    const named = await label('mixed/case1_seg.nii.gz');
    const inFolder = await label('masks/case2.nii.gz', {}, (i) => i % 4);
    const unnamed = await label('mixed/case3.nii.gz', {}, (i) => i % 5);
    const ct = await image('mixed/segovia.nii.gz');
    const cases = [named, inFolder, unnamed, ct].map((file) => caseOf(file));
    const byHeader = await check({ cases });
    expect(about(byHeader, named)).toEqual(['warning: has the name of a label map, not of an image']);
    expect(about(byHeader, inFolder)).toEqual(['warning: has the name of a label map, not of an image']);
    expect(about(byHeader, ct)).toEqual([]);
    const byVoxels = await check({ cases, deep: true });
    expect(about(byVoxels, unnamed)).toContain('warning: holds only 5 different whole numbers, as a label map does');
    expect(about(byVoxels, ct)).toEqual([]);
  });

  it('points out spacing, orientation and channels unlike the rest', async () => {
    const thick = await image('odd/thick.nii.gz', { spacing: [2, 2, 12] });
    const turned = await image('odd/turned.nii.gz', { signs: [1, 1, 1] });
    const four = await image('odd/four.nii.gz', { channels: 4 });
    const cases = [...good, ...[thick, turned, four].map((file) => caseOf(file))];
    const findings = await check({ cases, channel: 'all' });
    expect(about(findings, thick).join()).toMatch(/warning: spacing 2×2×12 mm, unlike the rest \(median 2 to 3 mm\)/);
    expect(about(findings, turned)).toEqual(['warning: orientation RAS; most others are LAS']);
    expect(about(findings, four)).toEqual(['error: 4 channels; most others have 1']);
    expect(findings).toHaveLength(3);
    const one = await check({ cases, channel: 2 });
    expect(about(one, turned)).toContain('error: has 1 channel, so there is no channel 2 (counted from 0)');
  });

  it('says which volumes are too small for the crop grid', async () => {
    const sagittal = join(root, 'sagittal.nii.gz');
    const affine = Float64Array.from([0, 0, 2, 0, 3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1]);
    await writeNifti(sagittal, {
      data: Int16Array.from({ length: 6 * 10 * 20 }, (_, i) => i),
      shape: [1, 6, 10, 20],
      affine,
    });
    const kept = { orientation: 'RAS', spacing: null, intensity: null, foreground: null, resize: null };
    const { size } = await readHeader(sagittal);
    expect(size).toEqual([6, 10, 20]);
    const header = await readHeader(sagittal);
    expect(sizeBeforeCrops(header, kept)).toEqual([20, 6, 10]);
    expect(sizeBeforeCrops(header, { ...kept, orientation: null })).toEqual([6, 10, 20]);
    expect(sizeBeforeCrops(header, { ...kept, spacing: [1, 1, 1] })).toEqual([39, 16, 19]);
    expect(sizeBeforeCrops(header, { ...kept, resize: [5, 5, 5] })).toEqual([5, 5, 5]);
    const findings = await check({ cases: [caseOf(sagittal)], preprocess: kept, gridSize: [20, 7, 10] });
    expect(about(findings, sagittal)).toEqual([
      'error: 20×6×10 voxels after preprocessing, but the crop grid needs 20×7×10',
    ]);
  });

  it('checks the channels of a case against each other', async () => {
    const a = await image('modal/a.nii.gz');
    const b = await image('modal/b.nii.gz', { shift: 5 });
    expect(about(await check({ cases: [caseOf([a, b])] }), b).join()).toMatch(
      /^error: does not lie on the voxel grid of .*first channel/,
    );
  });
});

describe('duplicates and leakage', () => {
  it('finds an image that is listed twice, by path, link and content', async () => {
    const first = await image('twice/first.nii.gz');
    const link = join(root, 'twice/link.nii.gz');
    symlinkSync(first, link);
    const copied = join(root, 'twice/copied.nii.gz');
    copyFileSync(first, copied);
    const findings = await check({ cases: [first, link, copied].map((file) => caseOf(file)) });
    expect(about(findings, link)).toEqual(['warning: is listed twice']);
    expect(about(findings, copied)).toEqual([`warning: has the same content as ${first}`]);
  });

  it('finds pre-training cases in a validation list', async () => {
    const train = [
      await image('ssl/img0035.nii.gz'),
      await image('ssl/img0001.nii.gz'),
      await image('ssl/other.nii.gz'),
    ];
    const copied = join(root, 'down/renamed.nii.gz');
    mkdirSync(dirname(copied), { recursive: true });
    copyFileSync(train[2]!, copied);
    const resaved = await image('down/img0001.nii.gz', {}, (i) => i - 9);
    const fresh = await image('down/img0099.nii.gz');
    const cases = train.map((file) => caseOf(file));
    const downstream = [
      { name: 'BTCV validation', cases: [train[0]!, copied, resaved, fresh].map((file) => caseOf(file)) },
    ];
    const findings = await check({ cases, downstream });
    expect(about(findings, train[0]!)).toEqual([
      'error: is in BTCV validation and is the same file as one of the training list',
    ]);
    expect(about(findings, copied)).toEqual([
      `error: is in BTCV validation and has the same content as ${train[2]} of the training list`,
    ]);
    expect(about(findings, resaved)).toEqual([
      `warning: is in BTCV validation and has the same name and voxel grid as ${train[1]} of the training list`,
    ]);
    expect(about(findings, fresh)).toEqual([]);
    const own = await check({ cases, validation: [caseOf(train[1]!)] });
    expect(about(own, train[1]!).join()).toMatch(/^error: is in the validation list/);
  });

  it('knows the same voxels in another compression when it reads them', async () => {
    const a = await image('same/a.nii.gz', {}, (i) => (i % 50) - 20);
    const b = await image('same/b.nii', {}, (i) => (i % 50) - 20);
    const options = { cases: [caseOf(a)], validation: [caseOf(b)] };
    expect(await check(options)).toEqual([]);
    expect(about(await check({ ...options, deep: true }), b).join()).toMatch(/has the same content as/);
  });
});

describe('stopping and sources', () => {
  it('stops when aborted', async () => {
    const controller = new AbortController();
    let looked = 0;
    const run = checkDataset(
      optionsOf({
        cases: good,
        concurrency: 1,
        signal: controller.signal,
        onProgress: () => {
          looked++;
          controller.abort();
        },
      }),
    );
    await expect(run).rejects.toThrow(/abort/i);
    expect(looked).toBe(1);
  });

  it('reports every bad source and reads the good ones', async () => {
    writeFileSync(join(root, 'flare.json'), JSON.stringify({ training: [{ images: 'a.nii.gz' }] }));
    writeFileSync(
      join(root, 'btcv.json'),
      JSON.stringify({ numTraining: 80, training: [{ image: 'good/img0.nii.gz' }] }),
    );
    const sources = [{ datalist: 'flare.json' }, { datalist: 'btcv.json' }, { folder: 'absent' }, { folder: 'good' }];
    const { cases, findings } = await checkSources(sources, root, (source) =>
      findInSource(source, root, { labels: false }),
    );
    expect(cases).toHaveLength(7);
    expect(about(findings, join(root, 'flare.json')).join()).toMatch(/key "images" instead of "image"/);
    expect(about(findings, join(root, 'absent')).join()).toMatch(/no such file/);
    expect(about(findings, join(root, 'btcv.json'))).toEqual(['info: numTraining says 80, but "training" has 1 entry']);
  });
});
