import type { PairedScore, ScoreComparison } from '../../src/protocol/comparison';
import { metricsOf, type Metric } from '../results/scores';

/** The row of each case's mean over its classes. */
export const MEAN = 'mean';

/** A class, or the mean, of all checkpoints that are held against the reference. */
export interface ComparisonRow {
  readonly name: string;
  /** One for each checkpoint after the first; undefined where the two have no case in common in which it is defined. */
  readonly pairs: readonly (PairedScore | undefined)[];
}

/** What a table of scores is sorted by: the classes in their order, or the difference of a checkpoint, worst first. */
export interface ScoreSort {
  readonly by: 'class' | number;
  readonly descending: boolean;
}

/** Metrics of which more is better; of the volume error neither more nor less is. */
const MORE_IS_BETTER: Readonly<Record<string, boolean>> = { dice: true, nsd: true, hd95: false, accuracy: true };

/** Of classifications. */
const ACCURACY: Metric = {
  id: 'accuracy',
  label: 'Accuracy',
  title: 'Share of the volumes with the correct class',
  unit: '',
  format: (value) => value.toFixed(3),
  badness: (value) => 1 - value,
};

/** The metrics in which at least one pair has scores, in the order of the switch. */
export function comparedMetrics(comparisons: readonly ScoreComparison[]): Metric[] {
  const names = new Set(comparisons.flatMap(({ scores }) => scores.map(({ metric }) => metric)));
  const known = metricsOf({ units: Object.fromEntries([...names].map((name) => [name, ''])) });
  return names.has(ACCURACY.id) ? [...known, ACCURACY] : known;
}

/** Rows of a metric; the mean always comes last, rows without a difference before it. */
export function comparisonRows(
  comparisons: readonly ScoreComparison[],
  metric: string,
  sort: ScoreSort,
): ComparisonRow[] {
  const lists = comparisons.map(({ scores }) => scores.filter((score) => score.metric === metric));
  const names = [...new Set(lists.flatMap((list) => list.map(({ name }) => name)))];
  const rows = names.map((name) => ({ name, pairs: lists.map((list) => list.find((one) => one.name === name)) }));
  const classes = rows.filter(({ name }) => name !== MEAN);
  const mean = rows.filter(({ name }) => name === MEAN);
  const { by, descending } = sort;
  if (by === 'class') return [...(descending ? classes.reverse() : classes), ...mean];
  const sign = (MORE_IS_BETTER[metric] === false ? -1 : 1) * (descending ? -1 : 1);
  const value = ({ pairs }: ComparisonRow): number => (pairs[by] ? sign * pairs[by].difference : Infinity);
  const order = classes.map((row, at) => ({ row, at }));
  order.sort((a, b) => {
    const [first, second] = [value(a.row), value(b.row)];
    return first === second ? a.at - b.at : first - second;
  });
  return [...order.map(({ row }) => row), ...mean];
}

export type Verdict = 'better' | 'worse' | 'unclear';

/** What the interval of a difference says: unclear when it holds 0, or when neither direction is the better one. */
export function verdictOf({ metric, low, high }: PairedScore): Verdict {
  const more = MORE_IS_BETTER[metric];
  if (more === undefined || low === null || high === null || (low <= 0 && high >= 0)) return 'unclear';
  return low > 0 === more ? 'better' : 'worse';
}

/** The largest end of an interval or difference: the half width of all interval bars of a metric. */
export function extentOf(rows: readonly ComparisonRow[]): number {
  const ends = rows.flatMap(({ pairs }) =>
    pairs.flatMap((pair) => (pair ? [pair.difference, pair.low ?? 0, pair.high ?? 0] : [])),
  );
  return Math.max(...ends.map(Math.abs), Number.MIN_VALUE);
}

/** A difference with its sign, in the format of its metric. */
export function differenceText(value: number, metric: Metric): string {
  const text = metric.format(Math.abs(value)).replace(/^\+/, '');
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${text}`;
}

/** A p-value: three digits after the point, and what is below that as such. */
export function pText(p: number | null): string {
  if (p === null || Number.isNaN(p)) return '–';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** All scores as a table: a line a score of a pair. */
export function scoreLines(
  comparisons: readonly ScoreComparison[],
  names: readonly string[],
): readonly (readonly (string | number | null)[])[] {
  const head = ['reference', 'checkpoint', 'class', 'metric', 'cases', 'reference mean', 'checkpoint mean'];
  const rest = ['difference', 'low (95 %)', 'high (95 %)', 'p', 'test'];
  const lines = comparisons.flatMap(({ checkpoint, scores }) =>
    scores.map(({ name, metric, cases, reference, other, difference, low, high, p, test }) => [
      ...[names[0]!, names[checkpoint]!, name, metric, cases, reference, other],
      ...[difference, low, high, Number.isNaN(p) ? null : p, `Wilcoxon signed-rank, ${test}`],
    ]),
  );
  return [[...head, ...rest], ...lines];
}
