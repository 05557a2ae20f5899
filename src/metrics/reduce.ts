import { RandomStream, streamId } from '../random/random';

export type Reduction = 'none' | 'mean' | 'mean_batch' | 'mean_channel' | 'sum';

export interface Reduced {
  /** One value for `mean` and `sum`; one a class for `mean_batch`; one a case for `mean_channel`; all for `none`. */
  readonly values: number[];
  /** How many scores that are not NaN went into each value. */
  readonly counts: number[];
}

const present = (scores: readonly number[]): number[] => scores.filter((score) => !Number.isNaN(score));
const total = (scores: readonly number[]): number => scores.reduce((sum, score) => sum + score, 0);

/** Mean of the scores that are not NaN; 0 without any, as MONAI's reductions have it. */
function meanOrZero(scores: readonly number[]): number {
  const kept = present(scores);
  return kept.length > 0 ? total(kept) / kept.length : 0;
}

/**
 * Combines scores `[case][class]`, leaving NaN out: MONAI `do_metric_reduction`. `mean` is the mean over cases of the mean over
 * the classes of each case, so cases count alike however many classes they have.
 */
export function reduceScores(scores: readonly (readonly number[])[], reduction: Reduction): Reduced {
  const classes = scores[0]?.length ?? 0;
  const columns = Array.from({ length: classes }, (_, c) => scores.map((row) => row[c]!));
  switch (reduction) {
    case 'none':
      return { values: scores.flat(), counts: scores.flat().map((score) => (Number.isNaN(score) ? 0 : 1)) };
    case 'mean': {
      const rows = scores.filter((row) => present(row).length > 0);
      return { values: [meanOrZero(rows.map(meanOrZero))], counts: [rows.length] };
    }
    case 'mean_batch':
      return { values: columns.map(meanOrZero), counts: columns.map((column) => present(column).length) };
    case 'mean_channel':
      return { values: scores.map(meanOrZero), counts: scores.map((row) => present(row).length) };
    case 'sum': {
      const kept = present(scores.flat());
      return { values: [total(kept)], counts: [kept.length] };
    }
  }
}

/** Mean of the scores that are numbers, or NaN when there is none: what tables show for a class. */
export function meanScore(scores: readonly number[]): number {
  const kept = scores.filter(Number.isFinite);
  return kept.length > 0 ? total(kept) / kept.length : NaN;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const BOOTSTRAP = streamId('bootstrap');

/**
 * Percentile bootstrap interval of the mean over cases, NaN and infinite scores left out.
 *
 * @returns NaN ends for fewer than two scores.
 */
export function bootstrapInterval(
  scores: readonly number[],
  options: { seed: number; level?: number; draws?: number },
): Interval {
  const kept = scores.filter(Number.isFinite);
  if (kept.length < 2) return { low: NaN, high: NaN };
  const { level = 0.95, draws = 2000 } = options;
  const random = new RandomStream(options.seed, BOOTSTRAP);
  const means = Float64Array.from({ length: draws }, () => {
    let sum = 0;
    for (let i = 0; i < kept.length; i++) sum += kept[random.integer(0, kept.length)]!;
    return sum / kept.length;
  }).sort();
  const tail = (1 - level) / 2;
  return { low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

/**
 * Percentile bootstrap intervals of scores that are no means over cases: cases are drawn again with replacement, and the
 * scores taken of each draw. Draws in which a score is undefined are left out of its interval.
 *
 * @returns the interval of a score by its name; NaN ends for fewer than two cases
 */
export function bootstrapScores<Item, Name extends string>(
  cases: readonly Item[],
  scoresOf: (drawn: readonly Item[]) => Readonly<Record<Name, number>>,
  options: { seed: number; level?: number; draws?: number },
): (name: Name) => Interval {
  const { level = 0.95, draws = 500 } = options;
  const random = new RandomStream(options.seed, BOOTSTRAP);
  const drawn = Array.from({ length: cases.length < 2 ? 0 : draws }, () =>
    scoresOf(cases.map(() => cases[random.integer(0, cases.length)]!)),
  );
  const tail = (1 - level) / 2;
  return (name) => {
    const values = Float64Array.from(drawn.map((scores) => scores[name]).filter(Number.isFinite)).sort();
    return { low: quantile(values, tail), high: quantile(values, 1 - tail) };
  };
}

/** Quantile of ascending values with linear interpolation (numpy's and torch's default). */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return NaN;
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}
