import { describe, expect, it } from 'vitest';
import { changeIntensity, NO_INTENSITY, type IntensitySettings } from '../../../src/data/augment';
import { countPlaces, drawPlace } from '../../../src/data/labelled';
import { judgeVoxels } from '../../../src/data/judge/voxels';
import type { CaseDemands } from '../../../src/data/judge';
import { changeValues } from '../../../src/downstream/values';
import { RandomStream } from '../../../src/random/random';
import { preprocess, scalePercentiles, type PreprocessSettings, type Volume } from '../../../src/volume';

const identity = Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
const line = (values: readonly number[], channels = 1): Volume => ({
  data: Float32Array.from(values),
  shape: [channels, 1, 1, values.length / channels],
  affine: identity,
});

/** A head of 12³ voxels in 20³ of zeros, half of it darker than its mean; a rim of dark voxels around. */
function head(): Volume<Float32Array> {
  const data = new Float32Array(8000);
  const random = new RandomStream(5);
  for (let x = 4; x < 16; x++)
    for (let y = 4; y < 16; y++)
      for (let z = 4; z < 16; z++) {
        const rim = Math.min(x - 4, 15 - x, y - 4, 15 - y, z - 4, 15 - z) < 2;
        data[(x * 20 + y) * 20 + z] = rim ? random.range(20, 40) : random.range(300, 500);
      }
  return { data, shape: [1, 20, 20, 20], affine: identity };
}

const mri: PreprocessSettings = {
  orientation: null,
  spacing: null,
  intensity: { kind: 'zscore', nonzero: true },
  foreground: { threshold: 'nonzero' },
  resize: null,
};

describe('percentiles', () => {
  const window = { low: 10, high: 90, nonzero: false, to: [0, 1], clip: true } as const;

  it('are those of NumPy, between two values linearly', () => {
    // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [10, 90]) = [1.0, 6.9]
    const { data } = scalePercentiles(line([3, 1, 4, 1, 5, 9, 2, 6]), window);
    const expected = [3, 1, 4, 1, 5, 9, 2, 6].map((value) => Math.min(1, Math.max(0, (value - 1) / 5.9)));
    data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
  });

  it('of the voxels that are not 0 leave zeros, and each channel has its own', () => {
    const { data } = scalePercentiles(line([0, 0, 10, 20, 30, 0, 0, 100, 200, 300], 2), {
      ...window,
      low: 0,
      high: 100,
      nonzero: true,
      to: [1, 2],
    });
    expect([...data]).toEqual([0, 0, 1, 1.5, 2, 0, 0, 1, 1.5, 2]);
    const empty = scalePercentiles(line([0, 0, 0]), { ...window, nonzero: true, to: [1, 2] });
    expect([...empty.data]).toEqual([0, 0, 0]);
    expect(() => scalePercentiles(line([1, 2]), { ...window, low: 90 })).toThrow(/percentiles 90 to 90 are no range/);
  });
});

describe('the foreground of MRI', () => {
  it('is what is not 0, and keeps what is darker than the mean', () => {
    expect(preprocess(head(), mri).volume.shape).toEqual([1, 12, 12, 12]);
    expect(preprocess(head(), { ...mri, foreground: { threshold: 0 } }).volume.shape).toEqual([1, 8, 8, 8]);
    const zeros = { ...head(), data: new Float32Array(8000) };
    expect(() => preprocess(zeros, mri, { name: 'a.nii' })).toThrow(/^a\.nii: all voxels are 0/);
  });

  it('is warned of where a cut at an intensity loses it', () => {
    const judged = (preprocessing: PreprocessSettings) => {
      const demands: CaseDemands = { channel: 0, preprocess: preprocessing };
      const read = { volume: head(), nonFinite: { nan: 0, infinite: 0 }, notices: [] };
      return judgeVoxels('a.nii', read, demands).map(({ severity, message }) => `${severity}: ${message}`);
    };
    expect(judged(mri)).toEqual([]);
    expect(judged({ ...mri, foreground: { threshold: 0 } })).toEqual([
      'warning: the cut to voxels above 0 leaves out 70 % of the box of those that are not 0',
    ]);
  });

  it('has crops of background around dark tissue as well', () => {
    const { volume } = preprocess(head(), mri);
    const image = volume as Volume<Float32Array>;
    const codes = new Uint8Array(12 ** 3);
    const [bright, inside] = [countPlaces(image, codes), countPlaces(image, codes, -1, true)];
    expect(bright.backgroundTotal).toBe(8 ** 3);
    expect(inside.backgroundTotal).toBe(12 ** 3);
    const draw = { kind: 0.5, pick: 0 };
    const at = (places: typeof inside) =>
      drawPlace(image, codes, places, draw, { positive: 0, negative: 1 }, [1, 1, 1], '');
    expect(at(inside)).toEqual([0, 0, 0]);
    expect(at(bright)).toEqual([2, 2, 2]);
  });
});

/** Two channels, the second brighter, with zeros around. */
function crop(channels = 2) {
  const voxels = new Float32Array(16 ** 3 * channels);
  for (let i = 0; i < 16 ** 3; i++) {
    const inside = [i >> 8, (i >> 4) & 15, i & 15].every((at) => at >= 2 && at < 14);
    for (let c = 0; c < channels; c++) voxels[i * channels + c] = inside ? Math.sin(i) + 2 + 3 * c : 0;
  }
  return { voxels, size: [16, 16, 16] as const, channels };
}
const streamOf = (seed: number) => (part: number) => new RandomStream(seed, part);
const only = (settings: Partial<IntensitySettings>): IntensitySettings => ({ ...NO_INTENSITY, ...settings });

describe('the bias field', () => {
  it('is smooth, alike for all channels, and the same for the same seed', () => {
    const [plain, one, two] = [crop(), crop(), crop()];
    const words = changeIntensity(streamOf(4), only({ biasField: 1 }), one);
    changeIntensity(streamOf(4), only({ biasField: 1 }), two);
    expect(one.voxels).toEqual(two.voxels);
    expect(words[0]).toMatch(/^bias field × 0\.\d\d to [12]\.\d\d$/);
    // Of intensities from 0 on, the field is their ratio.
    const field = (c: number, i: number): number => one.voxels[2 * i + c]! / plain.voxels[2 * i + c]!;
    const inside = (i: number): boolean => plain.voxels[2 * i]! > 0.5;
    let steepest = 0;
    let compared = 0;
    for (let i = 0; i + 1 < 16 ** 3; i++) {
      if (!inside(i) || !inside(i + 1)) continue;
      expect(field(1, i)).toBeCloseTo(field(0, i), 4);
      steepest = Math.max(steepest, Math.abs(field(0, i + 1) - field(0, i)));
      compared += 1;
    }
    expect(compared).toBeGreaterThan(1000);
    expect(steepest).toBeLessThan(0.25);
    expect(steepest).toBeGreaterThan(0.001);
    const other = crop();
    changeIntensity(streamOf(5), only({ biasField: 1 }), other);
    expect(other.voxels).not.toEqual(one.voxels);
  });

  it('makes the dark side of z-scores no brighter: it counts from the lowest value', () => {
    const { voxels, ...rest } = crop(1);
    const scores = voxels.map((value) => value - 2);
    const lowest = scores.reduce((a, b) => Math.min(a, b));
    const before = scores.slice();
    changeIntensity(streamOf(4), only({ biasField: 1 }), { ...rest, voxels: scores });
    expect(scores.reduce((a, b) => Math.min(a, b))).toBeCloseTo(lowest, 5);
    expect(scores).not.toEqual(before);
  });
});

describe('changes of intensity', () => {
  const all = only({ noise: 1, blur: 1, brightness: 1, contrast: 1, lowResolution: 1, gamma: 1, biasField: 1 });

  it('leave a background of 0 as it is where that is asked for', () => {
    const [kept, changed, plain] = [crop(), crop(), crop()];
    changeIntensity(streamOf(1), all, { ...kept, keepZero: true });
    changeIntensity(streamOf(1), all, changed);
    const zeros = [...plain.voxels.keys()].filter((i) => plain.voxels[i] === 0);
    expect(zeros.length).toBeGreaterThan(1000);
    expect(zeros.every((i) => kept.voxels[i] === 0)).toBe(true);
    expect(zeros.some((i) => changed.voxels[i] !== 0)).toBe(true);
    expect(kept.voxels).not.toEqual(plain.voxels);
  });

  it('are drawn for each channel: of gamma mean and deviation stay, of the others the channels differ', () => {
    const moments = (voxels: Float32Array, c: number): [mean: number, deviation: number] => {
      const own = voxels.filter((_, i) => i % 2 === c);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      return [mean, Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length)];
    };
    const [plain, bent, brighter] = [crop(), crop(), crop()];
    const words = changeIntensity(streamOf(2), only({ gamma: 1 }), bent);
    expect(words.at(-1)).toMatch(/^gamma \d\.\d\d, \d\.\d\d$/);
    for (const c of [0, 1]) {
      const [before, after] = [moments(plain.voxels, c), moments(bent.voxels, c)];
      expect(after[0]).toBeCloseTo(before[0], 3);
      expect(after[1]).toBeCloseTo(before[1], 3);
    }
    const [text] = changeIntensity(streamOf(2), only({ brightness: 1 }), brighter);
    const factors = /× (\S+), (\S+)$/.exec(text!)!.slice(1).map(Number);
    expect(factors[0]).not.toBe(factors[1]);
    for (const c of [0, 1])
      expect(moments(brighter.voxels, c)[0] / moments(plain.voxels, c)[0]).toBeCloseTo(factors[c]!, 1);
  });
});

describe('channels that are left out', () => {
  const augment = {
    scaleIntensity: { prob: 0, amount: 0 },
    shiftIntensity: { prob: 0, amount: 0 },
    flip: 0,
    rotate90: 0,
    intensity: NO_INTENSITY,
  };
  const held = (voxels: Float32Array, channels: number): number[] =>
    Array.from({ length: channels }, (_, c) => c).filter((c) => voxels.some((v, i) => i % channels === c && v !== 0));

  it('are 0 with their probability, never all of them, and never the only one that holds something', () => {
    const counts = [0, 0, 0, 0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const one = crop(4);
      changeValues(one, { ...augment, dropChannel: 0.5 }, 0, [seed]);
      counts[held(one.voxels, 4).length]! += 1;
    }
    expect(counts[0]).toBe(0);
    // Three others, each with a half: 1/8, 3/8, 3/8, 1/8.
    expect(counts.slice(1).every((count) => count >= 12)).toBe(true);
    for (let seed = 0; seed < 20; seed++) {
      const one = crop(4);
      for (let i = 0; i < one.voxels.length; i++) if (i % 4 !== 2) one.voxels[i] = 0;
      changeValues(one, { ...augment, dropChannel: 1 }, 0, [seed]);
      expect(held(one.voxels, 4)).toEqual([2]);
    }
  });

  it('are none at a probability of 0, and none of one channel', () => {
    const [four, one] = [crop(4), crop(1)];
    changeValues(four, { ...augment, dropChannel: 0 }, 0, [1]);
    changeValues(one, { ...augment, dropChannel: 1 }, 0, [1]);
    expect(four.voxels).toEqual(crop(4).voxels);
    expect(one.voxels).toEqual(crop(1).voxels);
  });
});
