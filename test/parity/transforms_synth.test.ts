import { boxEnd, type Vec3 } from '../../src/geometry';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  axisCodes,
  correctCropCentre,
  cropBox,
  cropForeground,
  cropWindow,
  flip,
  foregroundIndices,
  identityAffine,
  orient,
  orientationOf,
  padWidths,
  posNegCentre,
  resampleToSpacing,
  resize,
  rotate90,
  scaleIntensity,
  scaleIntensityRange,
  shiftIntensity,
  spatialCrop,
  spatialPad,
  type SpatialAxis,
  type Volume,
} from '../../src/volume';
import { partsOf, withFixtures } from '../support/fixtures';
import {
  closedFormLabels,
  closedFormVolume,
  countingVolume,
  inputOf,
  volumeInWords,
  type ClosedForm,
} from '../support/synthetic';
import { affineOf, expectAffine, expectSummary, float32Hash, type Rows, type VolumeSummary } from '../support/volumes';

interface OrientationCase {
  affine_name: string;
  affine: Rows;
  axcodes: string;
  in_axcodes: string;
  io_orientation: [number, number][];
  out_shape: number[];
  out_affine: Rows;
  image: VolumeSummary;
  label_sha256_float32_le: string;
}

interface SpacingCase {
  affine_name: string;
  after_orientation: string | null;
  pixdim: Vec3;
  in_affine: Rows;
  out_shape: number[];
  out_affine: Rows;
  returned_unchanged: boolean;
  image_bilinear: VolumeSummary;
  label_nearest: { shape: number[]; idx_without_ties: number[]; values_without_ties: number[] };
}

interface Scaling {
  a_min: number;
  a_max: number;
  b_min: number;
  b_max: number;
  clip: boolean;
}

interface CropDrawCase {
  slices: [number, number][];
  image_sha256_float32_le: string;
}

interface Fixture extends ClosedForm {
  orientation: OrientationCase[];
  spacing: SpacingCase[];
  intensity: {
    scale_range: {
      args: Scaling;
      in: number[];
      out: number[];
      in_int16: number[];
      out_int16_input: number[];
      vol: VolumeSummary;
    };
    scale_range_no_clip: { args: Pick<Scaling, 'b_min' | 'b_max' | 'clip'>; out: number[] };
    shift: { offset: number; in: number[]; out: number[] }[];
    scale: { factor: number; in: number[]; out: number[] }[];
  };
  crop_foreground: {
    /** The arrays in words, and the affine of the input. */
    box: string;
    cases: ({
      array: 'box' | 'empty' | 'vol';
      select: string;
      start: Vec3;
      end_exclusive: Vec3;
      out_affine: Rows;
    } & Record<Margin, number[]>)[];
  };
  spatial_pad: {
    spatial_size: Vec3;
    pad_width_with_channel: [number, number][];
    out_affine: Rows;
    image: VolumeSummary;
  }[];
  spatial_crop: {
    cases: {
      roi_center: Vec3;
      roi_size: Vec3;
      slices: [number, number][];
      out_shape: number[];
      sha256_float32_le: string;
    }[];
  };
  resize: { cases: { size: Vec3; mode: string; out_affine: Rows; image: VolumeSummary }[] };
  flip_rotate: {
    input: string;
    flip: { spatial_axis: SpatialAxis; out_shape: number[]; full: number[]; out_affine: Rows }[];
    rot90: {
      k: number;
      spatial_axes: [SpatialAxis, SpatialAxis];
      out_shape: number[];
      full: number[];
      out_affine: Rows;
    }[];
  };
  pos_neg_crop: {
    correct_crop_centers: {
      label_shape: Vec3;
      spatial_size: Vec3;
      center: Vec3;
      corrected?: Vec3;
      corrected_allow_smaller?: Vec3;
    }[];
    map_binary_to_indices: {
      label: string;
      image_threshold: number;
      fg_count: number;
      bg_count: number;
      fg_first: number[];
      bg_first: number[];
      fg_sha256_int32: string;
      bg_sha256_int32: string;
    };
    centers: { note: string; spatial_size: Vec3; draws: [number, number][]; centers: Vec3[]; crops: CropDrawCase[] };
  };
}

/** Shape of the crop with so many voxels around the foreground. */
type Margin = `out_shape_margin${number}`;

const line = (values: number[]): Volume<Float32Array> => ({
  data: Float32Array.from(values),
  shape: [1, 1, 1, values.length],
  affine: identityAffine(),
});

function worst(actual: ArrayLike<number>, expected: number[]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value))));
}

withFixtures<[Fixture]>('transforms on closed-form volumes', ['transforms_synth.json'], (fixture) => {
  const { affine: affineName, divisor } = inputOf(fixture.crop_foreground.box);
  /** The affine of the inputs of most transforms. */
  const given = fixture.orientation.find((c) => c.affine_name === affineName)!.affine;
  const vol = closedFormVolume(fixture);
  const seg = closedFormLabels(fixture);
  const image = (rows: Rows): Volume<Float32Array> => ({ data: vol, shape: fixture.shape, affine: affineOf(rows) });
  const label = (rows: Rows): Volume<Uint8Array> => ({ data: seg, shape: fixture.shape, affine: affineOf(rows) });
  const unit: Volume<Float32Array> = { ...image(given), data: vol.map((value) => value / divisor) };

  describe('orientation', () => {
    it.each(fixture.orientation.map((c) => [`${c.affine_name} to ${c.axcodes}`, c] as const))('%s', (_, c) => {
      expect(axisCodes(affineOf(c.affine))).toBe(c.in_axcodes);
      const { axis, sign } = orientationOf(affineOf(c.affine));
      expect(axis.map((a, i) => [a, sign[i]])).toEqual(c.io_orientation);
      const turned = orient(image(c.affine), c.axcodes);
      expectSummary(turned, c.image, 0);
      expectAffine(turned.affine, c.out_affine);
      expect(axisCodes(turned.affine)).toBe(c.axcodes);
      expect(float32Hash(orient(label(c.affine), c.axcodes).data)).toBe(c.label_sha256_float32_le);
    });
  });

  describe('spacing', () => {
    const affines = new Map(fixture.orientation.map((c) => [c.affine_name, c.affine]));
    const name = (c: SpacingCase) => `${c.affine_name} to ${c.pixdim.join('×')}, ${c.after_orientation ?? 'as it is'}`;
    it.each(fixture.spacing.map((c) => [name(c), c] as const))('%s', (_, c) => {
      const rows = affines.get(c.affine_name)!;
      const [img, lab] =
        c.after_orientation === null
          ? [image(rows), label(rows)]
          : [orient(image(rows), c.after_orientation), orient(label(rows), c.after_orientation)];
      expectAffine(img.affine, c.in_affine);
      const resampled = resampleToSpacing(img, c.pixdim, 'linear');
      expectAffine(resampled.affine, c.out_affine, 2e-6);
      expectSummary(resampled, c.image_bilinear, 1e-4);
      expect(resampled === img).toBe(c.returned_unchanged);
      const nearest = resampleToSpacing(lab, c.pixdim, 'nearest');
      expect([...nearest.shape]).toEqual(c.label_nearest.shape);
      expect(c.label_nearest.idx_without_ties.map((at) => nearest.data[at])).toEqual(
        c.label_nearest.values_without_ties,
      );
    });
  });

  describe('intensity', () => {
    const { scale_range: range, scale_range_no_clip: open, shift, scale } = fixture.intensity;

    const { a_min: low, a_max: high, b_min, b_max, clip } = range.args;
    const window = { low, high, to: [b_min, b_max] as const, clip };

    it('scales a window', () => {
      expect(worst(scaleIntensityRange(line(range.in), window).data, range.out)).toBeLessThan(1e-6);
      const integers: Volume = { ...line(range.in), data: Int16Array.from(range.in_int16) };
      const scaled = scaleIntensityRange(integers, window);
      expect(scaled.data).toBeInstanceOf(Float32Array);
      expect(worst(scaled.data, range.out_int16_input)).toBeLessThan(1e-6);
      expectSummary(scaleIntensityRange(image(given), window), range.vol, 1e-6);
    });

    it('scales without clipping', () => {
      const scaled = scaleIntensityRange(line(range.in), {
        ...window,
        to: [open.args.b_min, open.args.b_max],
        clip: open.args.clip,
      });
      expect(worst(scaled.data, open.out)).toBeLessThan(1e-6);
    });

    it('shifts and scales by factors', () => {
      for (const c of shift) expect(worst(shiftIntensity(line(c.in), c.offset).data, c.out)).toBeLessThan(1e-6);
      for (const c of scale) expect(worst(scaleIntensity(line(c.in), c.factor).data, c.out)).toBeLessThan(1e-6);
    });
  });

  describe('foreground crop', () => {
    const box: Volume = { ...volumeInWords(fixture.crop_foreground.box), affine: affineOf(given) };
    const arrays: Record<string, Volume> = {
      box,
      vol: unit,
      empty: { ...box, data: new Float32Array(box.data.length) },
    };
    it.each(fixture.crop_foreground.cases.map((c) => [`${c.array}, ${c.select}`, c] as const))('%s', (_, c) => {
      const threshold = Number(c.select.slice(2));
      const { volume, box: found } = cropForeground(arrays[c.array]!, threshold);
      expect([...found.start]).toEqual(c.start);
      expect([...boxEnd(found)]).toEqual(c.end_exclusive);
      expectAffine(volume.affine, c.out_affine);
      const margins = Object.keys(c).filter((key): key is Margin => key.startsWith('out_shape_margin'));
      expect(margins.length).toBeGreaterThan(0);
      for (const key of margins) {
        const margin = Number(key.slice('out_shape_margin'.length));
        expect([...cropForeground(arrays[c.array]!, threshold, margin).volume.shape]).toEqual(c[key]);
      }
    });
  });

  describe('pad and crop', () => {
    it.each(fixture.spatial_pad.map((c) => [c.spatial_size.join('×'), c] as const))('pads to %s', (_, c) => {
      expect(padWidths(fixture.shape, c.spatial_size)).toEqual(c.pad_width_with_channel.slice(1));
      const padded = spatialPad(image(given), c.spatial_size);
      expectSummary(padded, c.image, 0);
      expectAffine(padded.affine, c.out_affine);
    });

    it.each(
      fixture.spatial_crop.cases.map((c) => [`${c.roi_size.join('×')} at ${c.roi_center.join(',')}`, c] as const),
    )('crops %s', (_, c) => {
      const box = cropWindow(c.roi_center, c.roi_size);
      expect(box.start.map((value, k) => [value, boxEnd(box)[k]])).toEqual(c.slices);
      const cropped = spatialCrop(image(given), c.roi_center, c.roi_size);
      expect([...cropped.shape]).toEqual(c.out_shape);
      expect(float32Hash(cropped.data)).toBe(c.sha256_float32_le);
    });
  });

  describe('resize, flip, rotate', () => {
    it.each(fixture.resize.cases.map((c) => [c.size.join('×'), c] as const))('resizes to %s', (_, c) => {
      expect(c.mode).toContain('align_corners=True');
      const resized = resize(unit, c.size, { mode: 'linear', alignCorners: true });
      expectSummary(resized, c.image, 1e-5);
      expectAffine(resized.affine, c.out_affine);
    });

    const counting: Volume = { ...countingVolume(fixture.flip_rotate.input), affine: identityAffine() };

    it.each(fixture.flip_rotate.flip.map((c) => [c.spatial_axis, c] as const))('flips axis %s', (_, c) => {
      const flipped = flip(counting, c.spatial_axis);
      expect([...flipped.shape]).toEqual(c.out_shape);
      expect(Array.from(flipped.data)).toEqual(c.full);
      expectAffine(flipped.affine, c.out_affine, 0);
    });

    it.each(fixture.flip_rotate.rot90.map((c) => [c.k, c] as const))('rotates %s quarter turns', (_, c) => {
      const turned = rotate90(counting, c.k, c.spatial_axes);
      expect([...turned.shape]).toEqual(c.out_shape);
      expect(Array.from(turned.data)).toEqual(c.full);
      // The reference turns by sines and cosines.
      expectAffine(turned.affine, c.out_affine, 1e-12);
    });
  });

  describe('crops by label', () => {
    const f = fixture.pos_neg_crop;

    it('corrects centres', () => {
      for (const c of f.correct_crop_centers) {
        if (c.corrected) expect(correctCropCentre(c.center, c.spatial_size, c.label_shape)).toEqual(c.corrected);
        else {
          expect(() => correctCropCentre(c.center, c.spatial_size, c.label_shape)).toThrow(/does not fit/);
          expect(correctCropCentre(c.center, c.spatial_size, c.label_shape, true)).toEqual(c.corrected_allow_smaller);
        }
      }
    });

    const least = Number(partsOf(/seg >= (\d+)/, f.map_binary_to_indices.label)[0]);
    const kept: Volume = { ...label(given), data: seg.map((value) => (value >= least ? value : 0)) };
    const indices = foregroundIndices(kept, unit, f.map_binary_to_indices.image_threshold);
    const hash = (values: Int32Array) =>
      createHash('sha256')
        .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
        .digest('hex');

    it('lists foreground and background', () => {
      const expected = f.map_binary_to_indices;
      expect(indices.foreground.length).toBe(expected.fg_count);
      expect(indices.background.length).toBe(expected.bg_count);
      expect(Array.from(indices.foreground.subarray(0, expected.fg_first.length))).toEqual(expected.fg_first);
      expect(Array.from(indices.background.subarray(0, expected.bg_first.length))).toEqual(expected.bg_first);
      expect(hash(indices.foreground)).toBe(expected.fg_sha256_int32);
      expect(hash(indices.background)).toBe(expected.bg_sha256_int32);
    });

    it('chooses centres from draws and crops there', () => {
      const { note, spatial_size: size, draws, centers, crops } = f.centers;
      const [pos, neg] = partsOf(/pos=([\d.]+), neg=([\d.]+)/, note).map(Number) as [number, number];
      const shape: Vec3 = [fixture.shape[1], fixture.shape[2], fixture.shape[3]];
      draws.forEach(([kind, pick], i) => {
        const centre = posNegCentre(indices, { kind, pick }, { pos, neg }, size, shape);
        expect(centre).toEqual(centers[i]);
        const box = cropWindow(centre, size);
        expect(box.start.map((value, k) => [value, boxEnd(box)[k]])).toEqual(crops[i]!.slices);
        expect(float32Hash(cropBox(unit, box).data)).toBe(crops[i]!.image_sha256_float32_le);
      });
    });
  });
});
