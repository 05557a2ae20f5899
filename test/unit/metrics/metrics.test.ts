import { describe, expect, it } from 'vitest';
import {
  bootstrapInterval,
  countOverlaps,
  diceCeLoss,
  diceOf,
  hausdorff,
  importanceMap,
  meanScore,
  networkPredictor,
  slidingWindow,
  surfaceDistances,
  volumeError,
} from '../../../src/metrics';
import { distanceTo } from '../../../src/metrics/distanceTransform';
import { RandomStream } from '../../../src/random/random';
import * as tf from '../../../src/tensor/tf';
import { identityAffine } from '../../../src/volume';
import { useBackend } from '../../support/backends';

describe('distance transform', () => {
  it('is the distance to the nearest voxel, found by trying all', () => {
    const size = [7, 6, 9] as const;
    const spacing = [1.5, 0.7, 2] as const;
    const random = new RandomStream(1);
    const mask = Uint8Array.from({ length: 7 * 6 * 9 }, () => (random.uniform() < 0.04 ? 1 : 0));
    const at = (i: number) => [Math.floor(i / 54), Math.floor(i / 9) % 6, i % 9];
    const inside = [...mask.keys()].filter((i) => mask[i]).map(at);
    const distance = distanceTo(mask, size, spacing);
    distance.forEach((value, i) => {
      const here = at(i);
      const all = inside.map((p) => Math.hypot(...p.map((c, k) => (c - here[k]!) * spacing[k]!)));
      expect(value).toBeCloseTo(Math.min(...all), 9);
    });
    expect(distanceTo(new Uint8Array(8), [2, 2, 2], [1, 1, 1])).toEqual(new Float64Array(8).fill(Infinity));
  });
});

describe('scores of a class', () => {
  it('volume error and Dice of an absent class are undefined', () => {
    const [, one, two] = countOverlaps(Uint8Array.of(1, 1, 1, 0), Uint8Array.of(1, 1, 0, 0), 3);
    expect([diceOf(one!), volumeError(one!)]).toEqual([0.8, 0.5]);
    expect([diceOf(two!), volumeError(two!)]).toEqual([NaN, NaN]);
    expect(diceOf(two!, false)).toBe(1);
  });

  it('a surface at the edge of the volume counts', () => {
    const full = new Uint8Array(27).fill(1);
    const { toTruth } = surfaceDistances(full, full, [3, 3, 3], [1, 1, 1]);
    expect(toTruth).toHaveLength(26);
    expect(hausdorff({ toTruth, toPrediction: toTruth })).toBe(0);
  });
});

describe('bootstrap interval', () => {
  it('covers the mean, is seeded, shrinks with more cases, and is undefined for one', () => {
    const random = new RandomStream(2);
    const scores = Array.from({ length: 200 }, () => random.normal());
    const interval = bootstrapInterval(scores, { seed: 1 });
    expect(interval).toEqual(bootstrapInterval([...scores, NaN, Infinity], { seed: 1 }));
    expect(interval.low).toBeLessThan(meanScore(scores));
    expect(interval.high).toBeGreaterThan(meanScore(scores));
    // The normal interval of 200 draws is 4 · 0.98 / √200 wide.
    expect(interval.high - interval.low).toBeGreaterThan(0.2);
    expect(interval.high - interval.low).toBeLessThan(0.35);
    expect(bootstrapInterval([0.5], { seed: 1 }).low).toBeNaN();
  });
});

describe('sliding window', () => {
  const volume = (size: [number, number, number]) => {
    const random = new RandomStream(3);
    const data = Float32Array.from({ length: 2 * size[0] * size[1] * size[2] }, () => random.uniform());
    return { data, shape: [2, ...size] as const, affine: identityAffine() };
  };

  it('gives back what it is given, several channels and padding included, in planes in order', async () => {
    const image = volume([9, 5, 12]);
    const seen: number[] = [];
    const options = { roi: [4, 8, 4], overlap: 0.4, mode: 'gaussian', batch: 3 } as const;
    await slidingWindow(
      image,
      2,
      (windows) => Promise.resolve(windows.slice()),
      options,
      (plane, x) => {
        seen.push(x);
        for (let i = 0; i < 60; i++)
          for (const c of [0, 1]) expect(plane[2 * i + c]).toBeCloseTo(image.data[(c * 9 + x) * 60 + i]!, 5);
      },
    );
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const options = { roi: [4, 4, 4], overlap: 0, mode: 'constant', batch: 1, signal: controller.signal } as const;
    const stopping = slidingWindow(
      volume([8, 8, 8]),
      2,
      (windows) => {
        controller.abort(new Error('enough'));
        return Promise.resolve(windows);
      },
      options,
      () => undefined,
    );
    await expect(stopping).rejects.toThrow('enough');
  });

  it('refuses an overlap of 1', async () => {
    const options = { roi: [4, 4, 4], overlap: 1, mode: 'constant', batch: 1 } as const;
    await expect(
      slidingWindow(
        volume([8, 8, 8]),
        2,
        (w) => Promise.resolve(w),
        options,
        () => undefined,
      ),
    ).rejects.toThrow(/overlap 1/);
  });

  it('averages over mirror images at test time: a direction-blind result comes of a direction-bound network', async () => {
    await useBackend('cpu');
    const roi = [3, 4, 5] as const;
    const ramp = tf.tensor5d(
      Float32Array.from({ length: 60 }, (_, i) => i),
      [1, 3, 4, 5, 1],
    );
    const before = tf.memory().numTensors;
    const predict = networkPredictor((x) => tf.mul(x, ramp), roi, 1, true);
    const result = await predict(new Float32Array(60).fill(1), 1);
    result.forEach((value) => expect(value).toBeCloseTo(59 / 2, 4));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('importance of a window', () => {
  it('is 1 everywhere when constant', () => {
    expect(importanceMap([2, 2, 2], 'constant')).toEqual(new Float32Array(8).fill(1));
  });
});

describe('loss of overlapping classes', () => {
  it('is Dice plus binary cross entropy, also for large logits', async () => {
    await useBackend('cpu');
    const values = [2, -1, 0.5, -3, 90, -90];
    const truth = [1, 0, 0, 1, 1, 0];
    const { loss, dice, ce } = diceCeLoss(tf.tensor3d(values, [1, 3, 2]), tf.tensor3d(truth, [1, 3, 2]), {
      activation: 'sigmoid',
      includeBackground: true,
    });
    const p = values.map((x) => 1 / (1 + Math.exp(-x)));
    const entropy = values.map((x, i) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0) - x * truth[i]!);
    const expectedCe = entropy.reduce((a, b) => a + b) / 6;
    const terms = [0, 1].map((c) => {
      const own = [0, 1, 2].map((v) => 2 * v + c);
      const sum = (f: (i: number) => number) => own.reduce((total, i) => total + f(i), 0);
      return 1 - (2 * sum((i) => p[i]! * truth[i]!) + 1e-5) / (sum((i) => p[i]!) + sum((i) => truth[i]!) + 1e-5);
    });
    expect(ce.dataSync()[0]).toBeCloseTo(expectedCe, 5);
    expect(dice.dataSync()[0]).toBeCloseTo((terms[0]! + terms[1]!) / 2, 5);
    expect(loss.dataSync()[0]).toBeCloseTo(expectedCe + (terms[0]! + terms[1]!) / 2, 5);
  });
});
