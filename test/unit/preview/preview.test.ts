import { cp, mkdir, rename } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CropPreview, CropsPreview, Problems } from '../../../src/protocol/crops';
import { VolumeStore } from '../../../src/data/volumeStore';
import { resolveSources } from '../../../src/data/datalist';
import { assembleBatch } from '../../../src/pretext/voco/sampler';
import { SamplePlan } from '../../../src/loader/plan';
import { middleSlices } from '../../../src/preview/images';
import { CropPreviewer } from '../../../src/preview/preview';
import { bodySurface } from '../../../src/preview/surface';
import { errorMap } from '../../../src/locate/errorMap';
import { judge } from '../../../src/locate/positions';
import type { LocateReport } from '../../../src/protocol/locate';
import { createCropGrid } from '../../../src/pretext/voco/geometry';
import { errorSlice } from '../../../webview/crops/errorSlices';
import { writeNifti } from '../../../src/volume';
import { temporaryFolder } from '../volume/support';

const path = temporaryFolder();
const preprocess = {
  orientation: 'RAS',
  spacing: null,
  intensity: { kind: 'window' as const, low: -175, high: 250, to: [0, 1] as [number, number], clip: true },
  foreground: { threshold: 0.3 },
  resize: [48, 48, 24] as [number, number, number],
};
const augment = { flip: 0.5, rotate90: 0.9, shiftIntensity: { prob: 0.9, offset: 0.2 } };
const method = {
  grid: [3, 3, 1] as const,
  crop: [16, 16, 16] as const,
  input: [64, 64, 64] as const,
  randomCrops: 2,
  augment,
};
const config = (change: object = {}): string =>
  JSON.stringify({
    kind: 'pretrain',
    seed: 5,
    data: { train: [{ folder: 'imagesTr' }], preprocess, cache: { enabled: false } },
    method: { ...method, ...change },
  });
const ALL = { flip: true, rotate: true, shift: true };
const NONE = { flip: false, rotate: false, shift: false };

beforeAll(async () => {
  await mkdir(path('imagesTr'));
  for (let n = 0; n < 3; n++) {
    const data = Int16Array.from({ length: 30 * 28 * 20 }, (_, i) => ((i * (n + 3)) % 611) - 300);
    const affine = Float64Array.of(-2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1);
    await writeNifti(path(`imagesTr/case${n}.nii.gz`), { data, shape: [1, 30, 28, 20], affine });
  }
});

const crop = { choice: { kind: 'random', index: 0 }, draw: 0, augment: ALL } as const;

async function open(previewer: CropPreviewer, text = config(), caseIndex = 1, known?: number): Promise<CropsPreview> {
  const answer = await previewer.preview(text, path('x.voco.json'), { caseIndex, crop, known });
  if ('problems' in answer) throw new Error(answer.problems.join());
  return answer;
}

describe('preview of crops', () => {
  it('shows the very crops, labels and augmentations that training draws', async () => {
    const previewer = new CropPreviewer();
    await open(previewer);
    const cases = await resolveSources([{ folder: path('imagesTr') }], '/', { labels: false });
    const plan = new SamplePlan(cases, 5, 1);
    const store = new VolumeStore({ preprocess, channel: 0, cacheFolder: null, memoryBytes: 1 << 26 });
    for (const epoch of [0, 2]) {
      const step = [0, 1, 2].map((n) => 3 * epoch + n).find((n) => plan.draws(n)[0]!.id === cases[1]!.id)!;
      const batch = await assembleBatch(plan.draws(step), store, method);
      const length = 64 ** 3;
      for (let index = 0; index < 2; index++) {
        const seen = previewer.crop({ choice: { kind: 'random', index }, draw: epoch, augment: ALL });
        expect(seen.centre).toEqual([...batch.centres.slice(3 * index, 3 * index + 3)]);
        expect([...seen.label!]).toEqual([...batch.labels.slice(9 * index, 9 * index + 9)]);
        const voxels = batch.random.slice(index * length, (index + 1) * length);
        expect(seen.goesIn[0]!.images).toEqual(middleSlices(voxels, [64, 64, 64], [0, 1]));
      }
      const base = previewer.crop({ choice: { kind: 'base', index: 4 }, draw: epoch, augment: ALL });
      expect(base.goesIn[0]!.images).toEqual(
        middleSlices(batch.bases.slice(4 * length, 5 * length), [64, 64, 64], [0, 1]),
      );
      expect(base.label).toBeUndefined();
    }
  });

  it('tells what each step of preprocessing did', async () => {
    const { stages = [], volume } = await open(new CropPreviewer());
    expect(stages.map(({ stage, orientation }) => [stage, orientation])).toEqual([
      ['load', 'LAS'],
      ['orientation', 'RAS'],
      ['intensity', 'RAS'],
      ['foreground', 'RAS'],
      ['resize', 'RAS'],
    ]);
    expect(stages[0]!.range).toEqual([-300, 310]);
    expect(stages[2]!.range).toEqual([0, 1]);
    expect(stages.every(({ image }) => image.data.length === image.width * image.height)).toBe(true);
    expect(volume.size).toEqual([48, 48, 24]);
  });

  it('answers with the crop, and with the steps only when the page has them not', async () => {
    const previewer = new CropPreviewer();
    const { volume, crop: first } = await open(previewer);
    expect(first).toEqual(previewer.crop(crop));
    const again = await open(previewer, config({ crop: [12, 12, 16] }), 1, volume.version);
    expect(again.stages).toBeUndefined();
    expect(again.crop.box.size).toEqual([12, 12, 16]);
    expect((await open(previewer, config(), 0, volume.version)).stages).toHaveLength(5);
  });

  it('an edit of the geometry reads no file, one of the size resizes alone, with the same numbers', async () => {
    const folder = path('moved');
    await cp(path('imagesTr'), path('fast/imagesTr'), { recursive: true });
    const at = (resize: number[], method = {}): string =>
      JSON.stringify({
        ...JSON.parse(config(method)),
        data: { train: [{ folder: 'imagesTr' }], preprocess: { ...preprocess, resize } },
      });
    const ask = async (previewer: CropPreviewer, text: string): Promise<CropsPreview> => {
      const answer = await previewer.preview(text, path('fast/x.voco.json'), { caseIndex: 1, crop });
      if ('problems' in answer) throw new Error(answer.problems.join());
      return answer;
    };
    const previewer = new CropPreviewer();
    await ask(previewer, at([48, 48, 24]));
    const fresh = await ask(new CropPreviewer(), at([60, 48, 20]));
    await rename(path('fast/imagesTr'), folder);
    expect((await ask(previewer, at([48, 48, 24], { crop: [12, 16, 16] }))).grid.crop).toEqual([12, 16, 16]);
    const resized = await ask(previewer, at([60, 48, 20]));
    expect(resized.stages).toEqual(fresh.stages);
    expect(resized.crop).toEqual(fresh.crop);
  });

  it('reads an image anew that has changed on disk', async () => {
    const folder = path('changed');
    await cp(path('imagesTr'), `${folder}/imagesTr`, { recursive: true });
    const previewer = new CropPreviewer();
    const ask = async (): Promise<CropsPreview> => {
      const answer = await previewer.preview(config(), `${folder}/x.voco.json`, { caseIndex: 1, crop });
      if ('problems' in answer) throw new Error(answer.problems.join());
      return answer;
    };
    const first = await ask();
    expect((await ask()).volume.version).toBe(first.volume.version);
    for (const n of [0, 1, 2])
      await cp(path(`imagesTr/case${(n + 1) % 3}.nii.gz`), `${folder}/imagesTr/case${n}.nii.gz`);
    const second = await ask();
    expect(second.volume.version).toBeGreaterThan(first.volume.version);
    expect(second.crop.plain).not.toEqual(first.crop.plain);
  });

  it('switches augmentations off one by one, and keeps a moved crop inside the grid', async () => {
    const previewer = new CropPreviewer();
    await open(previewer);
    const choice = { kind: 'random', index: 0 } as const;
    const plain = previewer.crop({ choice, draw: 0, augment: NONE });
    expect(plain.goesIn[0]!.images).toEqual(plain.plain);
    expect(plain.augmentation).toBe('not changed in this draw');
    const words = [0, 1, 2, 3, 4].map(
      (draw) => previewer.crop({ choice, draw, augment: { ...NONE, shift: true } }).augmentation,
    );
    expect(words.some((word) => /^intensity [+−]0\.\d+$/.test(word))).toBe(true);
    const moved = (centre: [number, number, number]): CropPreview =>
      previewer.crop({ choice: { ...choice, centre }, draw: 0, augment: NONE });
    expect(moved([24, 24, 12]).label![4]).toBe(1);
    expect(moved([-50, 24, 500]).box.start).toEqual([0, 16, 4]);
  });

  it('gives a crop the size that was asked for, inside the grid, and its label by its own volume', async () => {
    const previewer = new CropPreviewer();
    await open(previewer);
    const shaped = (centre: [number, number, number], size: [number, number, number]): CropPreview =>
      previewer.crop({ choice: { kind: 'random', index: 0, centre, size }, draw: 0, augment: NONE });
    const wide = shaped([24, 24, 12], [32, 16, 16]);
    expect(wide.box).toEqual({ start: [8, 16, 4], size: [32, 16, 16] });
    expect([...wide.label!]).toEqual([0, 0.25, 0, 0, 0.5, 0, 0, 0.25, 0]);
    const huge = shaped([0, 0, 0], [500, 1, 16]);
    expect(huge.box).toEqual({ start: [0, 0, 4], size: [48, 2, 16] });
    expect(huge.label!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it('hands the network the crops of the training step, the chosen one as it was changed', async () => {
    const previewer = new CropPreviewer();
    await open(previewer);
    const choice = { kind: 'random', index: 1, centre: [24, 24, 12] } as const;
    const { randoms, bases, files } = previewer.step({ choice, draw: 0, augment: ALL });
    expect(files).toEqual([path('imagesTr/case1.nii.gz')]);
    expect([randoms.length, bases.length]).toEqual([2, 9]);
    expect(randoms[1]!.box.start).toEqual([16, 16, 4]);
    const drawn = previewer.crop({ choice: { kind: 'random', index: 0 }, draw: 0, augment: ALL });
    expect(randoms[0]!.box).toEqual(drawn.box);
    expect(bases[4]!.box.start).toEqual([16, 16, 4]);
  });

  it('finds the surface of the body, with normals outwards', async () => {
    const size = [40, 36, 30] as const;
    const inside = (x: number, y: number, z: number) => Math.hypot((x - 20) / 14, (y - 18) / 12, (z - 15) / 10) < 1;
    const data = Float32Array.from({ length: 40 * 36 * 30 }, (_, i) =>
      inside(Math.floor(i / 1080), Math.floor(i / 30) % 36, i % 30) ? 1 : 0,
    );
    const affine = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const body = bodySurface({ data, shape: [1, ...size], affine }, [0, 1]);
    expect(body.size).toEqual(size);
    const points = body.greys.length;
    expect(points).toBeGreaterThan(1000);
    const outwards = Array.from({ length: points }, (_, i) =>
      [20, 18, 15].reduce((sum, at, axis) => sum + (body.places[3 * i + axis]! - at) * body.normals[3 * i + axis]!, 0),
    );
    expect(outwards.every((along) => along > 0)).toBe(true);
  });

  it('draws the error map where centres of crops can be, and nowhere else', () => {
    const grid = createCropGrid([3, 3, 1], [16, 16, 16], [48, 48, 24]);
    const silent = new Array<number>(9).fill(0);
    const asked = [8, 24, 39].flatMap((x) =>
      [8, 24, 39].map((y) => ({ ...judge([x, y, 12], silent, grid, [1, 1, 1]), distance: x })),
    );
    const report = { map: errorMap(asked, grid), grid } as unknown as LocateReport;
    const axial = errorSlice(report, [48, 48, 24], 2, 12);
    const at = (x: number, y: number) => axial.data[y * 48 + x]!;
    expect([at(7, 24), at(40, 24), at(24, 40)]).toEqual([NaN, NaN, NaN]);
    expect(at(8, 24)).toBeLessThan(at(24, 24));
    expect(at(24, 24)).toBeLessThan(at(39, 24));
    expect(at(24, 10)).toBeCloseTo(24, 0);
    expect(errorSlice(report, [48, 48, 24], 2, 3).data.every(Number.isNaN)).toBe(true);
    expect(errorSlice(report, [48, 48, 24], 2, 19).data.some((value) => value > 0)).toBe(true);
  });

  it('says what is wrong, and keeps the last good state', async () => {
    const previewer = new CropPreviewer();
    expect(() => previewer.slice({ plane: 2, index: 0 })).toThrow(/no preview yet/);
    const { volume } = await open(previewer);
    const wrong = async (text: string, pattern: RegExp): Promise<void> => {
      const answer = (await previewer.preview(text, path('x.voco.json'), { caseIndex: 0, crop })) as Problems;
      expect(answer.problems.join('\n')).toMatch(pattern);
      expect(answer.problems.every((line) => !line.includes('\n'))).toBe(true);
    };
    await wrong('{ "kind": "pretrain"', /x\.voco\.json/);
    await wrong(config({ randomCrops: 'two' }), /randomCrops/);
    await wrong(config({ crop: [40, 40, 16] }), /crop/);
    await wrong(config().replace('imagesTr', 'elsewhere'), /elsewhere/);
    expect(previewer.slice({ plane: 2, index: 3 }).data).toHaveLength(48 * 48);
    // Changing the geometry alone does not prepare the volume again.
    expect((await open(previewer, config({ grid: [2, 2, 1] }))).volume.version).toBe(volume.version);
  });
});
