import { boxEnd, type Vec3 } from '../../src/geometry';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  readNifti,
  resampleToSpacing,
  resize,
  scaleIntensityRange,
  shiftAffine,
  spacingGrid,
  spatialPad,
  type PreprocessSettings,
  type Volume,
} from '../../src/volume';
import { affineOf, expectAffine, expectSummary, type Rows, type VolumeSummary } from '../support/volumes';

interface Window {
  a_min: number;
  a_max: number;
}

interface Boxed {
  start: Vec3;
  end_exclusive: Vec3;
  out_shape: number[];
  affine?: Rows;
  image: VolumeSummary;
}

interface Resized {
  affine: Rows;
  image: VolumeSummary;
}

type Finetune = Window & {
  after_spacing_scale: VolumeSummary;
  'crop_foreground_x>0': Boxed;
  spatial_pad_96: { out_shape: number[]; affine: Rows; image: VolumeSummary };
};

type Pretrain = Window & {
  'crop_foreground_x>0.3': Boxed;
  resize_96x96x24: Resized;
  resize_24x32x17?: Resized;
  base_crops_roi24_to_16?: { crops: VolumeSummary[] };
  random_crops_roi24_to_16?: { centers: [number, number][]; crops: VolumeSummary[] };
};

interface Case {
  name: string;
  files: { image: { name: string; sha256: string } };
  load: { affine: Rows; in_axcodes: string; image: VolumeSummary };
  orientation_RAS: { affine: Rows; image: VolumeSummary };
  'spacing_1.5': {
    pixdim: Vec3;
    in_shape: [number, number, number, number];
    in_affine: Rows;
    out_shape: number[];
    out_affine: Rows;
    image_bilinear: VolumeSummary;
    label_nearest?: {
      shape: number[];
      num_voxels: number;
      num_near_half_ties: number;
      histogram_without_ties: Record<string, number>;
      idx_without_ties: number[];
      values_without_ties: number[];
    };
  };
  finetune_ct: Finetune;
  finetune_wide: Finetune;
  pretrain_ct: Pretrain;
  pretrain_wide: Pretrain;
}

/**
 * The volumes are not part of the repository. A folder that holds them (under any name; they are known by their checksum) is
 * given by VOCO_REAL_CT; the grids, boxes and affines are checked without them.
 */
const folder = process.env.VOCO_REAL_CT;
const files = new Map<string, string>();
if (folder && existsSync(folder)) {
  for (const name of readdirSync(folder).filter((entry) => /\.nii(\.gz)?$/.test(entry))) {
    const file = join(folder, name);
    files.set(createHash('sha256').update(readFileSync(file)).digest('hex'), file);
  }
}

const shape4 = (shape: number[]) => shape as unknown as Volume['shape'];

withFixtures<[{ cases: Case[] }]>('transforms of real volumes', ['transforms_real.json'], ({ cases }) => {
  describe.each(cases.map((c) => [c.name, c] as const))('grids of %s', (_, c) => {
    it('orientation and spacing', () => {
      expect(axisCodes(affineOf(c.load.affine))).toBe(c.load.in_axcodes);
      const blank = {
        data: new Uint8Array(c.load.image.shape.reduce((a, b) => a * b, 1)),
        affine: affineOf(c.load.affine),
      };
      expectAffine(orient({ ...blank, shape: shape4(c.load.image.shape) }, 'RAS').affine, c.orientation_RAS.affine);
      const s = c['spacing_1.5'];
      const grid = spacingGrid(s.in_shape, affineOf(s.in_affine), s.pixdim);
      expect([1, ...grid.size]).toEqual(s.out_shape);
      expectAffine(grid.affine, s.out_affine);
    });

    it('foreground and padding', () => {
      for (const chain of [c.finetune_ct, c.finetune_wide]) {
        const { start, affine, out_shape: out } = chain['crop_foreground_x>0'];
        expectAffine(shiftAffine(affineOf(c['spacing_1.5'].out_affine), start), affine!);
        const widths = padWidths(shape4(out), [96, 96, 96]);
        expect(out.map((n, k) => (k === 0 ? n : n + widths[k - 1]![0] + widths[k - 1]![1]))).toEqual(
          chain.spatial_pad_96.out_shape,
        );
        const before = widths.map(([n]) => -n) as unknown as Vec3;
        expectAffine(shiftAffine(affineOf(affine!), before), chain.spatial_pad_96.affine);
      }
    });
  });

  /** TotalSegmentator's numbers of the organs that BTCV has, in BTCV's order; all other numbers are background there. */
  const BTCV_FROM_TOTAL = [1, 2, 3, 4, 15, 5, 6, 52, 63, 64, 7, 8, 9];
  const RENUMBERED_LABEL = 'ef9e2c8a3c703f36a56402b0d135c83096be72b87b1539a60a5ff2a958dfa9d4';

  it('finds the real volumes in the folder that VOCO_REAL_CT names', () => {
    const known = [...cases.map((c) => c.files.image.sha256), RENUMBERED_LABEL];
    expect(known.some((hash) => files.has(hash))).toBe(folder !== undefined);
  });

  const present = cases.filter((c) => files.has(c.files.image.sha256));

  describe.each(present.map((c) => [c.name, c] as const))('%s', (_, c) => {
    const load = async () => (await readNifti(files.get(c.files.image.sha256)!)).volume;
    const RAS = async () => orient(await load(), 'RAS');
    const scale = (volume: Volume, chain: Window) =>
      scaleIntensityRange(volume, { low: chain.a_min, high: chain.a_max, to: [0, 1], clip: true });

    it('loads and turns', async () => {
      const volume = await load();
      expectAffine(volume.affine, c.load.affine);
      expectSummary({ ...volume, data: Float32Array.from(volume.data) }, c.load.image, 0);
      const turned = await RAS();
      expectAffine(turned.affine, c.orientation_RAS.affine);
      expectSummary({ ...turned, data: Float32Array.from(turned.data) }, c.orientation_RAS.image, 0);
    });

    it.each(['finetune_ct', 'finetune_wide'] as const)('%s', async (name) => {
      const chain = c[name];
      const resampled = resampleToSpacing(await RAS(), [1.5, 1.5, 1.5], 'linear');
      const largest = Math.max(Math.abs(c.load.image.min), Math.abs(c.load.image.max));
      expectSummary(resampled, c['spacing_1.5'].image_bilinear, 1e-7 * Math.max(1000, largest));
      const scaled = scale(resampled, chain);
      expectSummary(scaled, chain.after_spacing_scale, 1e-6);
      const { volume: cut, box } = cropForeground(scaled, 0);
      const expected = chain['crop_foreground_x>0'];
      expect([...box.start]).toEqual(expected.start);
      expect([...boxEnd(box)]).toEqual(expected.end_exclusive);
      expectSummary(cut, expected.image, 1e-6);
      const padded = spatialPad(cut, [96, 96, 96]);
      expectSummary(padded, chain.spatial_pad_96.image, 1e-6);
      expectAffine(padded.affine, chain.spatial_pad_96.affine);
    });

    it.each(['pretrain_ct', 'pretrain_wide'] as const)('%s', async (name) => {
      const chain = c[name];
      const { volume: cut, box } = cropForeground(scale(await RAS(), chain), 0.3);
      const expected = chain['crop_foreground_x>0.3'];
      expect([...box.start]).toEqual(expected.start);
      expect([...boxEnd(box)]).toEqual(expected.end_exclusive);
      expectSummary(cut, expected.image, 1e-6);
      if (chain.resize_24x32x17) {
        expectSummary(resize(cut, [24, 32, 17], { mode: 'linear' }), chain.resize_24x32x17.image, 1e-5);
      }
      const settings: PreprocessSettings = {
        orientation: 'RAS',
        spacing: null,
        intensity: { kind: 'window', low: chain.a_min, high: chain.a_max, to: [0, 1], clip: true },
        foreground: { threshold: 0.3 },
        resize: [96, 96, 24],
      };
      const { volume } = preprocess(await load(), settings);
      expectSummary(volume, chain.resize_96x96x24.image, 1e-5);
      expectAffine(volume.affine, chain.resize_96x96x24.affine);
      const crop = (start: Vec3) => {
        return resize(cropBox(volume, { start, size: [24, 24, 24] }), [16, 16, 16], { mode: 'linear' });
      };
      chain.base_crops_roi24_to_16?.crops.forEach((summary, i) => {
        expectSummary(crop([24 * Math.floor(i / 4), 24 * (i % 4), 0]), summary, 1e-5);
      });
      chain.random_crops_roi24_to_16?.centers.forEach(([x, y], i) => {
        const { start } = cropWindow([x, y, 12], [24, 24, 24]);
        expectSummary(crop([...start] as unknown as Vec3), chain.random_crops_roi24_to_16!.crops[i]!, 1e-5);
      });
    });
  });

  describe.each(files.has(RENUMBERED_LABEL) ? [files.get(RENUMBERED_LABEL)!] : [])(
    'nearest neighbour on %s',
    (file) => {
      it('equals the reference away from half-way voxels', async () => {
        const expected = cases.find((c) => c['spacing_1.5'].label_nearest)!['spacing_1.5'].label_nearest!;
        const label = orient((await readNifti(file)).volume, 'RAS');
        const resampled = resampleToSpacing(label, [1.5, 1.5, 1.5], 'nearest');
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
