import { beforeAll, describe, expect, it } from 'vitest';
import { diceCeLoss } from '../../../src/metrics';
import { classLoss, maskedSquaredError, voxelCorrelation } from '../../../src/pretext/crops/losses';
import { turned, turnsAbout, type Turn } from '../../../src/pretext/crops/turns';
import { bendIntensities, paintInside, paintOutside, shuffleWindows } from '../../../src/pretext/genesis/corruptions';
import { hamming, permutationTable } from '../../../src/pretext/jigsaw/permutations';
import { ntXent } from '../../../src/pretext/simclr/loss';
import { drawClasses } from '../../../src/pretext/volume-fusion/sampler';
import { changeIntensity, NO_INTENSITY } from '../../../src/data/augment';
import { RandomStream } from '../../../src/random/random';
import { useDevice } from '../../../src/tensor/backends';
import * as tf from '../../../src/tensor/tf';

/** Values that the methods' own texts and codes give, or that follow from them. */
beforeAll(() => useDevice('cpu', {}));

const value = (x: tf.Scalar): number => x.dataSync()[0]!;
const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i / (length - 1));

describe('losses at chance', () => {
  it('a collapsed contrast of N pairs is ln(2N − 1)', () => {
    for (const pairs of [2, 4, 32]) {
      const { loss } = ntXent(tf.ones([2 * pairs, 5]), 0.5);
      expect(value(loss)).toBeCloseTo(Math.log(2 * pairs - 1), 5);
    }
    // Within groups of two pairs, whatever the number of groups.
    expect(value(ntXent(tf.ones([12, 5]), 0.1, 4).loss)).toBeCloseTo(Math.log(3), 5);
  });

  it('equal logits of K classes are ln K', () => {
    for (const classes of [4, 10, 16, 100]) {
      const { loss } = classLoss(tf.zeros([6, classes]), new Uint8Array(6));
      expect(value(loss)).toBeCloseTo(Math.log(classes), 5);
    }
  });

  it('equal logits of five balanced fusion classes are ln 5 and a Dice of 0.2', () => {
    const truth = tf.oneHot(tf.tensor2d([[0, 1, 2, 3, 4]], [1, 5], 'int32'), 5);
    const target = tf.cast(truth, 'float32') as tf.Tensor3D;
    const { dice, ce } = diceCeLoss(tf.zeros([1, 5, 5]), target, { activation: 'softmax', includeBackground: true });
    expect(value(ce)).toBeCloseTo(Math.log(5), 4);
    expect(value(dice)).toBeCloseTo(0.8, 4);
  });
});

describe('the contrast of pairs', () => {
  it('finds partners that are alike, and counts no row against itself', () => {
    const { loss, found } = ntXent(tf.tensor2d([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]), 0.5); // prettier-ignore
    expect(value(found)).toBe(1);
    // The partner's cosine is 1, both others' are 0.
    expect(value(loss)).toBeCloseTo(Math.log(1 + 2 * Math.exp(-2)), 5);
  });
});

describe('the error of restored voxels', () => {
  const target = (): tf.Tensor3D => tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4, 1]);

  it('counts marked voxels alone, each row alike', () => {
    const output = tf.add(target(), tf.tensor3d([1, 9, 9, 9, 3, 9, 3, 9], [2, 4, 1])) as tf.Tensor3D;
    const mask = tf.tensor3d([1, 0, 0, 0, 1, 0, 1, 0], [2, 4, 1]);
    expect(value(maskedSquaredError(output, target(), mask))).toBeCloseTo((1 + 9) / 2, 5);
    const nothing = tf.tensor3d([1, 0, 0, 0, 0, 0, 0, 0], [2, 4, 1]);
    expect(value(maskedSquaredError(output, target(), nothing))).toBeCloseTo(0.5, 5);
  });

  it('correlates whatever the scale, and is 0 for a constant answer', () => {
    expect(value(voxelCorrelation(tf.sub(tf.mul(target(), 5), 2) as tf.Tensor3D, target()))).toBeCloseTo(1, 5);
    expect(value(voxelCorrelation(tf.neg(target()) as tf.Tensor3D, target()))).toBeCloseTo(-1, 5);
    expect(value(voxelCorrelation(tf.ones([2, 4, 1]), target()))).toBeCloseTo(0, 5);
  });
});

describe('permutations of the jigsaw puzzle', () => {
  it('of eight cubes differ in at least five places, 100 of them', () => {
    const table = permutationTable(8, 100);
    expect(table).toHaveLength(100);
    let [least, sum, pairs] = [8, 0, 0];
    table.forEach((a, i) =>
      table.slice(i + 1).forEach((b) => {
        least = Math.min(least, hamming(a, b));
        sum += hamming(a, b);
        pairs += 1;
      }),
    );
    expect(least).toBeGreaterThanOrEqual(5);
    expect(sum / pairs).toBeGreaterThan(6.8);
    for (const order of table) expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('of 27 cubes differ in at least 19, and two cubes can only be swapped or not', () => {
    const table = permutationTable(27, 100);
    const nearest = table.flatMap((a, i) => table.slice(i + 1).map((b) => hamming(a, b)));
    expect(Math.min(...nearest)).toBeGreaterThanOrEqual(19);
    expect(permutationTable(2, 100)).toHaveLength(2);
  });
});

describe('turns of a crop', () => {
  const size = [3, 3, 3] as const;
  const crop = ramp(54);

  it('are ten, and each quarter brings it a quarter on', () => {
    expect(turnsAbout([0, 1, 2])).toHaveLength(10);
    for (const axis of [0, 1, 2] as const) {
      const by = (quarters: Turn['quarters'], of = crop): Float32Array => turned(of, size, { axis, quarters });
      expect(by(1, by(1))).toEqual(by(2));
      expect(by(1, by(2))).toEqual(by(3));
      expect(by(1, by(3))).toEqual(crop);
    }
    const all = turnsAbout([0, 1, 2]).map((turn) => turned(crop, size, turn).join());
    expect(new Set(all).size).toBe(10);
  });

  it('about z bring what lay along x to lie along y', () => {
    const line = new Float32Array(27);
    [0, 1, 2].forEach((x) => (line[9 * x] = x + 1));
    const about = turned(line, size, { axis: 2, quarters: 1 });
    expect([0, 1, 2].map((y) => about[18 + 3 * y])).toEqual([1, 2, 3]);
  });
});

describe('the corruptions of Models Genesis', () => {
  const size = [28, 28, 28] as const;
  const clean = ramp(28 ** 3);
  const corrupted = (change: (voxels: Float32Array) => void): Float32Array => {
    const voxels = clean.slice();
    change(voxels);
    return voxels;
  };
  const changed = (voxels: Float32Array): number =>
    voxels.reduce((count, voxel, i) => count + (voxel !== clean[i] ? 1 : 0), 0) / voxels.length;

  it('shuffles within windows of a tenth of a side', () => {
    const voxels = corrupted((all) => shuffleWindows(all, size, new RandomStream(1)));
    expect(changed(voxels)).toBeGreaterThan(0.3);
    // A window of two voxels a side: nothing comes from further away.
    const farthest = 28 * 28 + 28 + 1;
    voxels.forEach((voxel, i) => expect(Math.abs(voxel * (voxels.length - 1) - i)).toBeLessThan(farthest + 0.5));
  });

  it('bends intensities along a curve that rises or falls, within 0 and 1', () => {
    const slopes = Array.from({ length: 40 }, (_, seed) => {
      const voxels = corrupted((all) => bendIntensities(all, new RandomStream(seed)));
      const steps = Array.from(voxels.subarray(1), (voxel, i) => voxel - voxels[i]!);
      expect(Math.min(...voxels)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...voxels)).toBeLessThanOrEqual(1);
      const rising = steps.every((step) => step >= -1e-6);
      expect(rising || steps.every((step) => step <= 1e-6)).toBe(true);
      return rising;
    });
    expect(slopes.filter(Boolean).length / 40).toBeCloseTo(0.5, 0);
    expect(new Set(slopes).size).toBe(2);
  });

  it('paints over boxes, or over all but boxes', () => {
    const shares = Array.from({ length: 20 }, (_, seed) => ({
      inside: changed(corrupted((all) => paintInside(all, size, new RandomStream(seed)))),
      outside: changed(corrupted((all) => paintOutside(all, size, new RandomStream(seed)))),
    }));
    expect(Math.max(...shares.map(({ inside }) => inside))).toBeLessThan(0.2);
    expect(Math.max(...shares.map(({ inside }) => inside))).toBeGreaterThan(0.02);
    for (const { outside } of shares) {
      expect(outside).toBeGreaterThan(0.2);
      expect(outside).toBeLessThan(0.95);
    }
  });
});

describe('the classes of Volume Fusion', () => {
  it('come in boxes of all classes over a background', () => {
    const method = { classes: 5, boxes: [10, 39] } as unknown as Parameters<typeof drawClasses>[2];
    const counts = new Float64Array(5);
    for (let seed = 0; seed < 30; seed++)
      drawClasses(new RandomStream(seed), [32, 32, 32], method).forEach((label) => (counts[label]! += 1));
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (const count of counts) expect(count / total).toBeGreaterThan(0.1);
    expect(counts[0]).toBe(Math.max(...counts));
  });
});

describe('changes of intensity', () => {
  const size = [8, 8, 8] as const;
  const all = { noise: 1, blur: 1, brightness: 1, contrast: 1, lowResolution: 1, gamma: 1, biasField: 1 };
  const change = (settings: typeof all, seed = 3): { voxels: Float32Array; words: string[] } => {
    const voxels = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
    const words = changeIntensity((part) => new RandomStream(seed, part), settings, { voxels, size, channels: 1 });
    return { voxels, words };
  };

  it('do nothing where nothing is asked for, and each of them something', () => {
    const untouched = change(NO_INTENSITY);
    expect(untouched.words).toEqual([]);
    for (const name of Object.keys(all) as (keyof typeof all)[]) {
      const { voxels, words } = change({ ...NO_INTENSITY, [name]: 1 });
      expect(words.length, name).toBeGreaterThan(0);
      expect(voxels, name).not.toEqual(untouched.voxels);
      expect(voxels.every(Number.isFinite), name).toBe(true);
    }
  });

  it('keep mean and deviation under gamma, and the range under contrast', () => {
    const moments = (voxels: Float32Array) => {
      const mean = voxels.reduce((sum, voxel) => sum + voxel, 0) / voxels.length;
      return [mean, Math.sqrt(voxels.reduce((sum, voxel) => sum + (voxel - mean) ** 2, 0) / voxels.length)] as const;
    };
    const before = moments(change(NO_INTENSITY).voxels);
    const after = moments(change({ ...NO_INTENSITY, gamma: 1 }).voxels);
    expect(after[0]).toBeCloseTo(before[0], 4);
    expect(after[1]).toBeCloseTo(before[1], 4);
    const { voxels } = change({ ...NO_INTENSITY, contrast: 1 });
    expect(Math.max(...voxels)).toBeLessThanOrEqual(1);
  });
});
