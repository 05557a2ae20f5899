import type { Vec3 } from '../../../src/geometry';
import { describe, expect, it } from 'vitest';
import { NO_AUGMENTATION, drawAugmentation, sampleCrop, type Augmentation } from '../../../src/data/augment';
import { RandomStream } from '../../../src/random/random';
import { cropBox, flip, resize, rotate90, type Volume } from '../../../src/volume';

function noiseVolume(shape: [number, number, number, number]): Volume<Float32Array> {
  const random = new RandomStream(4);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.uniform());
  return { data, shape, affine: Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]) };
}

/** The same crop by the volume transforms that are checked against MONAI, one after the other. */
function byTransforms(volume: Volume<Float32Array>, start: Vec3, crop: Vec3, size: Vec3, a: Augmentation) {
  let result: Volume = resize(cropBox(volume, { start, size: crop }), size, { mode: 'linear' });
  for (const axis of [0, 1, 2] as const) if (a.flip[axis]) result = flip(result, axis);
  result = rotate90(result, a.quarterTurns);
  const [channels, x, y, z] = result.shape;
  const voxels = x * y * z;
  return Float32Array.from({ length: voxels * channels }, (_, i) => {
    return result.data[(i % channels) * voxels + Math.floor(i / channels)]! + a.shift;
  });
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('sampleCrop', () => {
  const volume = noiseVolume([2, 14, 13, 12]);
  const crops: [Vec3, Vec3, Vec3][] = [
    [
      [0, 0, 0],
      [6, 6, 8],
      [6, 6, 8],
    ],
    [
      [3, 2, 1],
      [9, 11, 10],
      [6, 6, 5],
    ],
    [
      [8, 7, 4],
      [6, 6, 8],
      [8, 8, 11],
    ],
    [
      [1, 1, 5],
      [7, 7, 1],
      [4, 4, 3],
    ],
  ];
  for (const [start, crop, size] of crops)
    it(`cuts ${crop.join('×')} at ${start.join(', ')} to ${size.join('×')} under every flip and turn`, () => {
      for (let bits = 0; bits < 32; bits++) {
        const augmentation: Augmentation = {
          flip: [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0],
          quarterTurns: bits >> 3,
          shift: bits === 9 ? 0.25 : 0,
        };
        const expected = byTransforms(volume, start, crop, size, augmentation);
        const out = new Float32Array(expected.length + 5).fill(-1);
        sampleCrop(volume, start, crop, size, augmentation, out, 3);
        expect(largestDifference(out.subarray(3, 3 + expected.length), expected)).toBeLessThan(2e-6);
        expect([...out.subarray(0, 3), ...out.subarray(3 + expected.length)]).toEqual([-1, -1, -1, -1, -1]);
      }
    });

  it('keeps oblong crops under half turns and refuses quarter turns of them', () => {
    const half: Augmentation = { ...NO_AUGMENTATION, quarterTurns: 2 };
    const out = new Float32Array(5 * 4 * 3 * 2);
    sampleCrop(volume, [1, 1, 1], [9, 8, 7], [5, 4, 3], half, out, 0);
    expect(largestDifference(out, byTransforms(volume, [1, 1, 1], [9, 8, 7], [5, 4, 3], half))).toBeLessThan(2e-6);
    expect(() => sampleCrop(volume, [0, 0, 0], [5, 4, 3], [5, 4, 3], { ...half, quarterTurns: 1 }, out, 0)).toThrow();
  });
});

describe('drawAugmentation', () => {
  const settings = { flip: 0.2, rotate90: 0.2, shiftIntensity: { prob: 0.1, offset: 0.1 } };
  const draws = Array.from({ length: 4000 }, (_, i) => drawAugmentation(new RandomStream(7, i), settings, true));
  const share = (hit: (a: Augmentation) => boolean) => draws.filter(hit).length / draws.length;

  it('happens as often as the settings say', () => {
    // Four standard deviations of a share of independent draws.
    const expectShare = (p: number, hit: (a: Augmentation) => boolean): void =>
      expect(Math.abs(share(hit) - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws.length));
    for (const axis of [0, 1, 2]) expectShare(0.2, (a) => a.flip[axis]!);
    for (const [one, other] of [[0, 1], [0, 2], [1, 2]] as const) expectShare(0.04, (a) => a.flip[one] && a.flip[other]); // prettier-ignore
    expectShare(0.2, (a) => a.quarterTurns > 0);
    for (const k of [1, 2, 3]) expectShare(0.2 / 3, (a) => a.quarterTurns === k);
    expectShare(0.1, (a) => a.shift !== 0);
    expectShare(0.05, (a) => a.shift > 0);
    expectShare(0.02, (a) => a.flip[0] && a.shift !== 0);
    expectShare(0.04, (a) => a.flip[1] && a.quarterTurns > 0);
    expect(Math.max(...draws.map((a) => Math.abs(a.shift)))).toBeLessThanOrEqual(0.1);
    expect(Math.max(...draws.map((a) => a.shift))).toBeGreaterThan(0.09);
    expect(Math.min(...draws.map((a) => a.shift))).toBeLessThan(-0.09);
  });

  it('leaves the others alone when one is switched off', () => {
    draws.slice(0, 200).forEach((a, i) => {
      const b = drawAugmentation(new RandomStream(7, i), { ...settings, flip: 0 }, true);
      expect(b).toEqual({ ...a, flip: [false, false, false] });
    });
    const still = { flip: 0, rotate90: 0, shiftIntensity: { prob: 0, offset: 0.1 } };
    expect(drawAugmentation(new RandomStream(1), still, true)).toEqual(NO_AUGMENTATION);
  });

  it('only half-turns oblong crops', () => {
    for (let i = 0; i < 200; i++) {
      const { quarterTurns } = drawAugmentation(new RandomStream(7, i), { ...settings, rotate90: 1 }, false);
      expect(quarterTurns).toBe(2);
    }
  });
});
