import { boxBetween } from '../../../src/geometry';
import { describe, expect, it } from 'vitest';
import {
  applyAffine,
  axisCodes,
  centerSpatialCrop,
  composeAffine,
  cropBox,
  flip,
  identityAffine,
  invertAffine,
  normalizeIntensity,
  orient,
  resampleToSpacing,
  resize,
  rotate90,
  scaleIntensityRange,
  spatialPad,
  type Volume,
} from '../../../src/volume';
import { RandomStream } from '../../../src/random/random';

/** A volume whose voxels hold a value of their own place in the body, so that moving them without the affine shows. */
function placed(shape: Volume['shape'], affine: Float64Array): Volume<Float32Array> {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let at = 0;
  for (let c = 0; c < shape[0]; c++) {
    for (let x = 0; x < shape[1]; x++) {
      for (let y = 0; y < shape[2]; y++) {
        for (let z = 0; z < shape[3]; z++) data[at++] = valueAt(applyAffine(affine, [x, y, z]), c);
      }
    }
  }
  return { data, shape, affine };
}

const valueAt = (p: readonly number[], channel: number) => 3 * p[0]! - 2 * p[1]! + 5 * p[2]! + 1000 * channel;

function expectPlaced(volume: Volume, tolerance: number): void {
  const expected = placed(volume.shape, volume.affine);
  expect(volume.data.length).toBe(expected.data.length);
  let worst = 0;
  for (let i = 0; i < volume.data.length; i++) worst = Math.max(worst, Math.abs(volume.data[i]! - expected.data[i]!));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

function randomAffine(stream: RandomStream): Float64Array {
  const affine = identityAffine();
  for (let row = 0; row < 3; row++) for (let k = 0; k < 4; k++) affine[row * 4 + k] = stream.range(-3, 3);
  return affine;
}

describe('voxels stay where they are in the body', () => {
  const stream = new RandomStream(7);
  const shape = [2, 5, 41, 34] as const;
  const affines = Array.from({ length: 6 }, () => randomAffine(stream));

  it('when turned to any orientation', () => {
    for (const affine of affines) {
      for (const codes of ['RAS', 'LPS', 'SAR', 'PIR', 'ALI']) {
        const turned = orient(placed(shape, affine), codes);
        expect(axisCodes(turned.affine)).toBe(codes);
        expectPlaced(turned, 1e-3);
      }
    }
  });

  it('when flipped, rotated, cropped', () => {
    const volume = placed(shape, affines[0]!);
    for (const axis of [0, 1, 2] as const) expectPlaced(flip(volume, axis), 1e-3);
    for (const k of [-1, 1, 2, 3, 5]) {
      for (const axes of [
        [0, 1],
        [1, 2],
        [2, 0],
      ] as const)
        expectPlaced(rotate90(volume, k, axes), 1e-3);
    }
    expectPlaced(cropBox(volume, boxBetween([1, 7, 3], [4, 99, 30])), 1e-3);
    expectPlaced(centerSpatialCrop(volume, [3, -1, 8]), 1e-3);
  });

  it('when resampled along the axes and across them', () => {
    for (const sheared of [false, true]) {
      const affine = Float64Array.of(1.3, 0, 0, 5, sheared ? 0.4 : 0, 0.8, 0, 6, 0, 0, 2, 7, 0, 0, 0, 1);
      const volume = placed([2, 30, 31, 32], affine);
      const resampled = resampleToSpacing(volume, [1, 1, 1], 'linear');
      // Away from the edge, where coordinates are clamped, a linear field is interpolated exactly.
      const inner = cropBox(resampled, boxBetween([17, 8, 2], [22, 14, 60]));
      const expected = placed(inner.shape, inner.affine);
      let worst = 0;
      inner.data.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - expected.data[i]!))));
      expect(inner.data.length).toBe(2 * 5 * 6 * 58);
      expect(worst).toBeLessThan(1e-3);
    }
  });

  it('when the affine is inverted and composed', () => {
    for (const affine of affines) {
      const product = composeAffine(affine, invertAffine(affine));
      product.forEach((value, i) => expect(value).toBeCloseTo(i % 5 === 0 ? 1 : 0, 9));
    }
  });
});

describe('values', () => {
  const line = (values: number[]): Volume<Float32Array> => ({
    data: Float32Array.from(values),
    shape: [1, 1, 1, values.length],
    affine: identityAffine(),
  });

  it('normalises each channel over its non-zero voxels', () => {
    const two: Volume = { data: Int16Array.of(0, 1, 3, 0, 10, 10), shape: [2, 1, 1, 3], affine: identityAffine() };
    expect(Array.from(normalizeIntensity(two, { nonzero: true }).data)).toEqual([0, -1, 1, 0, 0, 0]);
    const all = normalizeIntensity(line([1, 2, 3, 6]), { nonzero: false }).data;
    const deviation = Math.sqrt(3.5);
    Array.from(all).forEach((value, i) => expect(value).toBeCloseTo(([1, 2, 3, 6][i]! - 3) / deviation, 6));
  });

  it('scales a large int16 volume to the very numbers of a small one', () => {
    const values = Int16Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 65_536);
    const all: Volume = { data: values, shape: [1, 70, 100, 10], affine: identityAffine() };
    for (const clip of [true, false]) {
      const window = { low: -175, high: 250, to: [-0.5, 1.25] as const, clip };
      const { data } = scaleIntensityRange(all, window);
      for (let from = 0; from < values.length; from += 10_000) {
        const part = values.slice(from, from + 10_000);
        const few = scaleIntensityRange({ ...all, data: part, shape: [1, 1, 1, 10_000] }, window).data;
        expect(data.slice(from, from + 10_000)).toEqual(few);
      }
    }
  });

  it('resizes edge to edge without aligned corners, and labels by picking', () => {
    const half = resize(line([0, 2, 4, 6]), [1, 1, 2], { mode: 'linear', alignCorners: false });
    expect(Array.from(half.data)).toEqual([1, 5]);
    const double = resize(line([0, 4]), [1, 1, 4], { mode: 'linear', alignCorners: false });
    expect(Array.from(double.data)).toEqual([0, 1, 3, 4]);
    const labels: Volume = { data: Uint8Array.of(1, 2, 3), shape: [1, 1, 1, 3], affine: identityAffine() };
    const picked = resize(labels, [1, 1, 7], { mode: 'nearest' }).data;
    expect(picked).toEqual(Uint8Array.of(1, 1, 1, 2, 2, 3, 3));
  });

  it('pads with a value', () => {
    expect(Array.from(spatialPad(line([1, 2]), [1, 1, 5], -7).data)).toEqual([-7, 1, 2, -7, -7]);
  });

  it('keeps the objects of a volume that needs no change', () => {
    const volume = line([1, 2, 3]);
    expect(orient(volume, 'ras')).toBe(volume);
    expect(resampleToSpacing(volume, [1, 1, 1], 'linear')).toBe(volume);
    expect(resize(volume, [1, 1, 3], { mode: 'linear' })).toBe(volume);
    expect(spatialPad(volume, [1, 1, 2])).toBe(volume);
  });

  it('says what is wrong with settings', () => {
    const volume = line([1, 2, 3]);
    expect(() => orient(volume, 'RAX')).toThrow(/orientation "RAX"/);
    expect(() => orient(volume, 'RLS')).toThrow(/one letter of R\/L/);
    expect(() => resampleToSpacing(volume, [1, 0, 1], 'linear')).toThrow(/three positive numbers/);
    expect(() => resampleToSpacing({ ...volume, shape: [1, 999, 999, 999] }, [0.01, 0.01, 0.01], 'linear')).toThrow(
      /check the spacing/,
    );
    expect(() => resize(volume, [1, 1, 2.5], { mode: 'linear' })).toThrow(/whole numbers/);
    const window = { low: 5, high: 5, to: [0, 1] as const, clip: true };
    expect(() => scaleIntensityRange(volume, window)).toThrow(/is empty/);
    expect(() => axisCodes(new Float64Array(16))).toThrow(/singular/);
  });
});
