/** A two-sided Wilcoxon signed-rank test. */
export interface SignedRank {
  /** Sum of the ranks of positive differences. */
  readonly positive: number;
  /** Sum of the ranks of negative differences. */
  readonly negative: number;
  /** Differences that are not zero. */
  readonly count: number;
  readonly p: number;
  /** Exact by enumeration, or the normal approximation with corrections for ties and continuity. */
  readonly method: 'exact' | 'normal';
}

const EXACT_UP_TO = 25;

interface Ranked {
  readonly ranks: Float64Array;
  /** Σ t³ − t over groups of t equal sizes. */
  readonly ties: number;
}

/** Ranks from 1, of equal values their mean. */
function rank(values: readonly number[]): Ranked {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  let ties = 0;
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + 1 + end) / 2;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  return { ranks, ties };
}

/** Share of the 2ⁿ assignments of signs whose positive ranks 1…n add up to `limit` or less. */
function exactTail(n: number, limit: number): number {
  const ways = new Float64Array((n * (n + 1)) / 2 + 1);
  ways[0] = 1;
  for (let r = 1; r <= n; r++) for (let sum = ways.length - 1; sum >= r; sum--) ways[sum]! += ways[sum - r]!;
  return ways.subarray(0, limit + 1).reduce((total, count) => total + count, 0) / 2 ** n;
}

/** Upper tail of the standard normal distribution for z ≥ 0, |error| < 1.2e-7 (Numerical Recipes' Chebyshev fit of erfc). */
function normalTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ].reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  return 0.5 * t * Math.exp(-x * x + series);
}

/**
 * Whether paired differences lie about zero (Wilcoxon 1945). Differences of zero and those that are no numbers are left out.
 * Exact for up to 25 differences without ties.
 *
 * @returns p = 1 without any difference
 */
export function wilcoxonSignedRank(differences: readonly number[]): SignedRank {
  const kept = differences.filter((value) => Number.isFinite(value) && value !== 0);
  const { ranks, ties } = rank(kept.map(Math.abs));
  const count = kept.length;
  const positive = ranks.reduce((sum, value, i) => sum + (kept[i]! > 0 ? value : 0), 0);
  const negative = (count * (count + 1)) / 2 - positive;
  const smaller = Math.min(positive, negative);
  if (ties === 0 && count <= EXACT_UP_TO) {
    return { positive, negative, count, p: Math.min(1, 2 * exactTail(count, smaller)), method: 'exact' };
  }
  const mean = (count * (count + 1)) / 4;
  const variance = (count * (count + 1) * (2 * count + 1)) / 24 - ties / 48;
  const z = Math.max(0, mean - smaller - 0.5) / Math.sqrt(variance);
  return { positive, negative, count, p: Math.min(1, 2 * normalTail(z)), method: 'normal' };
}

/** How likely |t| of Student's distribution stays below a value, for whole degrees of freedom (Abramowitz & Stegun 26.7.3, 26.7.4). */
function studentWithin(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const square = Math.cos(angle) ** 2;
  const odd = freedom % 2 === 1;
  let term = odd ? Math.cos(angle) : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < freedom; k += 2) sum += term *= (square * (k - 1)) / k;
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/** The t with a share of `level` within ±t. */
function studentQuantile(level: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (studentWithin(high, freedom) < level) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, freedom) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The mean of paired differences, and how sure it is. */
export interface MeanDifference {
  readonly mean: number;
  /** Standard deviation, and the ends of the interval of Student's t; null for a single difference. */
  readonly deviation: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** The mean of paired differences with its interval by Student's t. @param differences one or more numbers */
export function meanDifference(differences: readonly number[], level = 0.95): MeanDifference {
  const count = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, deviation: null, low: null, high: null };
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile(level, count - 1) * deviation) / Math.sqrt(count);
  return { mean, deviation, low: mean - half, high: mean + half };
}
