import { describe, expect, test } from 'vitest';
import { meanDifference, wilcoxonSignedRank } from '../../../src/metrics';

/** Two-sided p by trying every assignment of signs. */
function enumerated(differences: readonly number[]): number {
  const sizes = differences.map(Math.abs).sort((a, b) => a - b);
  const rank = (value: number) => sizes.indexOf(Math.abs(value)) + 1;
  const positive = differences.reduce((sum, value) => sum + (value > 0 ? rank(value) : 0), 0);
  const total = (sizes.length * (sizes.length + 1)) / 2;
  const least = Math.min(positive, total - positive);
  let extreme = 0;
  for (let signs = 0; signs < 2 ** sizes.length; signs++) {
    let sum = 0;
    for (let i = 0; i < sizes.length; i++) if (signs & (1 << i)) sum += i + 1;
    if (Math.min(sum, total - sum) <= least) extreme += 1;
  }
  return extreme / 2 ** sizes.length;
}

describe('Wilcoxon signed-rank test', () => {
  test.each([
    [[0.3, -0.1, 0.25, 0.4, 0.05]],
    [[1, 2, 3, 4, 5, 6]],
    [[-0.5, 0.1, -0.2, 0.35, 0.6, -0.05, 0.8, 0.9]],
    [[2, -1]],
  ])('is exact for few differences: %j', (differences) => {
    const { p, method } = wilcoxonSignedRank(differences);
    expect(method).toBe('exact');
    expect(p).toBeCloseTo(enumerated(differences), 12);
  });

  test('all of six differences positive: p = 2/64', () => {
    expect(wilcoxonSignedRank([1, 2, 3, 4, 5, 6])).toMatchObject({ positive: 21, negative: 0, p: 2 / 64 });
  });

  test('with ties the normal approximation stands in, corrected for ties and continuity', () => {
    // By hand: ranks 1.5 1.5 3 4.5 4.5 6, W⁻ = 1.5, mean 10.5, variance 22.75 − 12/48, z = 8.5/√22.5 = 1.7919.
    const { p, method, negative } = wilcoxonSignedRank([1, -1, 2, 3, 3, 4]);
    expect([method, negative]).toEqual(['normal', 1.5]);
    expect(p).toBeCloseTo(0.07314, 4);
  });

  test('the approximation comes close to the exact test where both apply', () => {
    const differences = Array.from({ length: 25 }, (_, i) => (i + 1) * (i % 3 === 0 ? -1 : 1));
    const exact = wilcoxonSignedRank(differences);
    const tied = wilcoxonSignedRank([-1.5, 1.5, ...differences.slice(2)]);
    expect([exact.method, tied.method]).toEqual(['exact', 'normal']);
    expect(Math.abs(tied.p - exact.p)).toBeLessThan(0.02);
  });

  test('differences of zero and missing ones do not count', () => {
    expect(wilcoxonSignedRank([0, NaN, 1, 2, 3]).count).toBe(3);
    expect(wilcoxonSignedRank([0, 0])).toMatchObject({ count: 0, p: 1 });
  });
});

describe('the interval of a mean difference', () => {
  // Quantiles of Student's t from printed tables, two-sided 95 %.
  test.each([
    [2, 12.7062],
    [3, 4.30265],
    [4, 3.18245],
    [5, 2.77645],
    [6, 2.57058],
    [10, 2.26216],
    [31, 2.04227],
    [121, 1.97993],
  ])('of %i differences is that of Student', (count, t) => {
    const differences = Array.from({ length: count }, (_, i) => i % 2);
    const { mean, deviation, low, high } = meanDifference(differences);
    expect((high! - mean) / (deviation! / Math.sqrt(count))).toBeCloseTo(t, 4);
    expect(mean - low!).toBeCloseTo(high! - mean, 12);
  });

  test('follows the level, and is none for a single difference', () => {
    const { low, high } = meanDifference([1, 2, 3, 4], 0.99);
    // t of 3 degrees of freedom, two-sided 99 %: 5.84091
    expect((high! - low!) / 2).toBeCloseTo((5.84091 * Math.sqrt(5 / 3)) / 2, 4);
    expect(meanDifference([0.25])).toEqual({ mean: 0.25, deviation: null, low: null, high: null });
  });
});
