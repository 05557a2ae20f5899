import { boxEnd, type Vec3 } from '../../src/geometry';
import { describe, expect, it } from 'vitest';
import { withFixtures } from '../support/fixtures';
import {
  axisCodes,
  cropBox,
  cropForeground,
  cropWindow,
  orient,
  padWidths,
  preprocess,
  readVolume,
  resampleToSpacing,
  resize,
  scaleIntensityRange,
  shiftAffine,
  spacingGrid,
  spatialPad,
  type Volume,
} from '../../src/volume';
import {
  realCases,
  realFiles,
  realFolder,
  settingsOf,
  type Pretrain,
  type RealCase,
  type RealFixture,
} from '../support/realCases';
import { affineOf, expectAffine, expectSummary } from '../support/volumes';

const files = realFiles();

const shape4 = (shape: number[]) => shape as unknown as Volume['shape'];
const cube = (edge: number): Vec3 => [edge, edge, edge];

const loaded = async (c: RealCase) => (await readVolume(files.get(c.sha256)!)).volume;
const turned = async (c: RealCase) => orient(await loaded(c), c.oriented.codes);
const scale = (volume: Volume, { low, high }: Pick<Pretrain, 'low' | 'high'>) =>
  scaleIntensityRange(volume, { low, high, to: [0, 1], clip: true });

function checkCrops(volume: Volume, { base, random }: Pretrain): void {
  const crop = (start: Vec3, roi: number, out: number) =>
    resize(cropBox(volume, { start, size: cube(roi) }), cube(out), { mode: 'linear' });
  base?.crops.forEach((summary, i) => {
    const { side, roi, out } = base;
    expectSummary(crop([roi * Math.floor(i / side), roi * (i % side), 0], roi, out), summary, 1e-5);
  });
  random?.centers.forEach(([x, y], i) => {
    const { roi, out, crops } = random;
    const { start } = cropWindow([x, y, Math.floor(roi / 2)], cube(roi));
    expectSummary(crop([...start] as unknown as Vec3, roi, out), crops[i]!, 1e-5);
  });
}

// The grids, boxes and affines are checked without the volumes.
withFixtures<[RealFixture]>('transforms of real volumes', ['transforms_real.json'], (fixture) => {
  const cases = realCases(fixture);

  describe.each(cases.map((c) => [c.name, c] as const))('grids of %s', (_, c) => {
    it('orientation and spacing', () => {
      expect(axisCodes(affineOf(c.load.affine))).toBe(c.load.in_axcodes);
      const blank = {
        data: new Uint8Array(c.load.image.shape.reduce((a, b) => a * b, 1)),
        affine: affineOf(c.load.affine),
      };
      expectAffine(orient({ ...blank, shape: shape4(c.load.image.shape) }, c.oriented.codes).affine, c.oriented.affine);
      const { in_shape: shape, in_affine: affine, pixdim, out_shape: out, out_affine: outAffine } = c.spacing;
      const grid = spacingGrid(shape, affineOf(affine), pixdim);
      expect([1, ...grid.size]).toEqual(out);
      expectAffine(grid.affine, outAffine);
    });

    it('foreground and padding', () => {
      for (const { foreground, padded } of c.finetune) {
        const { start, affine, out_shape: out } = foreground;
        expectAffine(shiftAffine(affineOf(c.spacing.out_affine), start), affine!);
        const widths = padWidths(shape4(out), padded.size);
        expect(out.map((n, k) => (k === 0 ? n : n + widths[k - 1]![0] + widths[k - 1]![1]))).toEqual(padded.out_shape);
        const before = widths.map(([n]) => -n) as unknown as Vec3;
        expectAffine(shiftAffine(affineOf(affine!), before), padded.affine);
      }
    });
  });

  /** TotalSegmentator's numbers of the organs that BTCV has, in BTCV's order; all other numbers are background there. */
  const BTCV_FROM_TOTAL = [1, 2, 3, 4, 15, 5, 6, 52, 63, 64, 7, 8, 9];
  const RENUMBERED_LABEL = 'ef9e2c8a3c703f36a56402b0d135c83096be72b87b1539a60a5ff2a958dfa9d4';
  /** The label of the fixtures that this is with other numbers. */
  const ITS_ORIGINAL = '8be652475a4aaae83103a66bfb3345314b1fc06742807a06cf5005f7a7913a2d';
  const renumbered = cases.filter((c) => c.labelSha256 === ITS_ORIGINAL && c.spacing.label_nearest);

  it('finds the real volumes in the folder that VOCO_REAL_CT names', () => {
    const known = [...cases.map((c) => c.sha256), ...(renumbered.length > 0 ? [RENUMBERED_LABEL] : [])];
    expect(known.some((hash) => files.has(hash))).toBe(realFolder !== undefined);
  });

  const present = cases.filter((c) => files.has(c.sha256));

  describe.each(present.map((c) => [c.name, c] as const))('%s', (_, c) => {
    it('loads and turns', async () => {
      const volume = await loaded(c);
      expectAffine(volume.affine, c.load.affine);
      expectSummary({ ...volume, data: Float32Array.from(volume.data) }, c.load.image, 0);
      const after = await turned(c);
      expectAffine(after.affine, c.oriented.affine);
      expectSummary({ ...after, data: Float32Array.from(after.data) }, c.oriented.image, 0);
    });

    it.each(c.finetune.map((chain) => [chain.name, chain] as const))('%s', async (_name, chain) => {
      const resampled = resampleToSpacing(await turned(c), c.spacing.pixdim, 'linear');
      const largest = Math.max(Math.abs(c.load.image.min), Math.abs(c.load.image.max));
      expectSummary(resampled, c.spacing.image_bilinear, 1e-7 * Math.max(1000, largest));
      const scaled = scale(resampled, chain);
      expectSummary(scaled, chain.scaled, 1e-6);
      const { foreground, padded: expected } = chain;
      const { volume: cut, box } = cropForeground(scaled, foreground.threshold);
      expect([...box.start]).toEqual(foreground.start);
      expect([...boxEnd(box)]).toEqual(foreground.end_exclusive);
      expectSummary(cut, foreground.image, 1e-6);
      const padded = spatialPad(cut, expected.size);
      expectSummary(padded, expected.image, 1e-6);
      expectAffine(padded.affine, expected.affine);
    });

    it.each(c.pretrain.map((chain) => [chain.name, chain] as const))('%s', async (_name, chain) => {
      const { foreground, resized, base } = chain;
      const { volume: cut, box } = cropForeground(scale(await turned(c), chain), foreground.threshold);
      expect([...box.start]).toEqual(foreground.start);
      expect([...boxEnd(box)]).toEqual(foreground.end_exclusive);
      expectSummary(cut, foreground.image, 1e-6);
      expect(resized.length).toBeGreaterThan(0);
      for (const expected of resized) {
        const { volume } = preprocess(await loaded(c), settingsOf(c, chain, expected.size));
        expectSummary(volume, expected.image, 1e-5);
        expectAffine(volume.affine, expected.affine);
        expectSummary(resize(cut, expected.size, { mode: 'linear' }), expected.image, 1e-5);
        if (expected === base?.from) checkCrops(volume, chain);
      }
    });
  });

  const labelled = cases.flatMap((c) => {
    const file = files.get(c.labelSha256 ?? '');
    return file && c.spacing.label_nearest ? [[c.name, file, c, c.spacing.label_nearest] as const] : [];
  });
  it.each(labelled)('nearest neighbour on the label of %s', async (_, file, { oriented, spacing }, expected) => {
    const label = orient((await readVolume(file)).volume, oriented.codes);
    const resampled = resampleToSpacing(label, spacing.pixdim, 'nearest');
    expect([...resampled.shape]).toEqual(expected.shape);
    expect(expected.idx_without_ties.map((at) => resampled.data[at])).toEqual(expected.values_without_ties);
  });

  describe.each(renumbered.length > 0 && files.has(RENUMBERED_LABEL) ? [files.get(RENUMBERED_LABEL)!] : [])(
    'nearest neighbour on %s',
    (file) => {
      it('equals the reference away from half-way voxels', async () => {
        const { spacing, oriented } = renumbered[0]!;
        const expected = spacing.label_nearest!;
        const label = orient((await readVolume(file)).volume, oriented.codes);
        const resampled = resampleToSpacing(label, spacing.pixdim, 'nearest');
        expect([...resampled.shape]).toEqual(expected.shape);
        const renumber = (value: number) => BTCV_FROM_TOTAL.indexOf(value) + 1;
        expect(expected.idx_without_ties.map((at) => resampled.data[at])).toEqual(
          expected.values_without_ties.map(renumber),
        );
        // Going from 3 mm to 1.5 mm, the voxels that are not half way are those with even indices.
        const [, nx, ny, nz] = resampled.shape;
        const histogram = new Array<number>(14).fill(0);
        for (let x = 0; x < nx; x += 2) {
          for (let y = 0; y < ny; y += 2) {
            for (let z = 0; z < nz; z += 2) histogram[resampled.data[(x * ny + y) * nz + z]!]! += 1;
          }
        }
        const wanted = new Array<number>(14).fill(0);
        for (const [value, n] of Object.entries(expected.histogram_without_ties)) wanted[renumber(Number(value))]! += n;
        expect(histogram).toEqual(wanted);
      });
    },
  );
});
