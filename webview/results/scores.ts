import type { CaseResult, ClassScores, ResultClass, Results } from '../../src/protocol/scores';
import type { ResultsState } from '../../src/protocol/results';
import { significant } from '../../src/text';

/** How a score is shown, and how good or bad a value of it is. */
export interface Metric {
  readonly id: string;
  readonly label: string;
  /** One sentence on what it measures. */
  readonly title: string;
  readonly unit: string;
  /** With its unit where that is not written beside. */
  format(value: number): string;
  /** 0: as good as can be, 1: as bad as colours tell apart. */
  badness(value: number): number;
}

/** From here on all cells have the same colour: so much short of 1, and so many millimetres. */
const WORST_SHARE = 0.6;
const WORST_HD95 = 30;

const percent = (value: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(100 * value).toFixed(1)} %`;

const KNOWN: readonly Metric[] = [
  {
    id: 'dice',
    label: 'Dice',
    title: 'Overlap of prediction and ground truth: 1 if both are the same, 0 if they do not overlap',
    unit: '',
    format: (value) => value.toFixed(3),
    badness: (value) => (1 - value) / WORST_SHARE,
  },
  {
    id: 'nsd',
    label: 'NSD',
    title: 'Normalised surface distance: share of both surfaces that lies within the tolerance of the other',
    unit: '',
    format: (value) => value.toFixed(3),
    badness: (value) => (1 - value) / WORST_SHARE,
  },
  {
    id: 'hd95',
    label: 'HD95',
    title: 'Hausdorff distance between the surfaces, 95th percentile; smaller is better',
    unit: 'mm',
    format: (value) => value.toFixed(1),
    badness: (value) => value / WORST_HD95,
  },
  {
    id: 'volumeError',
    label: 'Volume error',
    title: 'Volume of the prediction relative to the ground truth: 0 is exact, +10 % is too large by a tenth',
    unit: '',
    format: percent,
    badness: (value) => Math.abs(value),
  },
];

/** The metrics that results hold, in the order of the switch. */
export function metricsOf({ units }: Pick<Results, 'units'>): Metric[] {
  return KNOWN.filter(({ id }) => Object.hasOwn(units, id));
}

/** The sentence on a metric, with the tolerance of these results. */
export function explain(metric: Metric, { surfaceTolerance }: Results): string {
  return metric.id === 'nsd' && surfaceTolerance !== undefined
    ? `${metric.title}, ${surfaceTolerance} mm`
    : metric.title;
}

export function scoreOf(found: ClassScores | undefined, metric: Metric): number | undefined {
  return found?.scores[metric.id] ?? undefined;
}

/** Mean of a case over the classes in which the score is defined. */
export function caseMean({ classes }: CaseResult, metric: Metric): number | undefined {
  const values = classes.flatMap((one) => scoreOf(one, metric) ?? []);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** Why a score is undefined: a sign for the cell, and what it means. */
export interface Absence {
  readonly sign: string;
  readonly meaning: string;
}

const NOT_THERE: Absence = { sign: '–', meaning: 'not in the ground truth of the case; left out of means' };
const INVENTED: Absence = {
  sign: '+',
  meaning: 'not in the ground truth of the case, but predicted; left out of means',
};
const MISSED: Absence = { sign: '∞', meaning: 'missed entirely, so there is no distance; left out of means' };

const UNLABELLED: Absence = { sign: '·', meaning: 'not labelled in the case, so it is not measured' };

/** All signs, for the legend. */
export const ABSENCES: readonly Absence[] = [NOT_THERE, INVENTED, MISSED, UNLABELLED];

export function absenceOf({ volume, labelled }: ClassScores): Absence {
  if (labelled === false) return UNLABELLED;
  if (!volume || (volume.truth === 0 && volume.predicted === 0)) return NOT_THERE;
  return volume.truth === 0 ? INVENTED : MISSED;
}

const millilitres = (value: number): string => `${significant(value, 3)} ml`;

/** One class of one case in a sentence. */
export function describeScore(item: CaseResult, index: number, name: string, metric: Metric): string {
  const found = item.classes[index]!;
  const value = scoreOf(found, metric);
  const unit = metric.unit && ` ${metric.unit}`;
  const text = value === undefined ? absenceOf(found).meaning : `${metric.label} ${metric.format(value)}${unit}`;
  const { volume } = found;
  const sizes = volume && `; ground truth ${millilitres(volume.truth)}, predicted ${millilitres(volume.predicted)}`;
  return `${name}, ${item.case}: ${text}${sizes ?? ''}`;
}

/** Indices of the cases in the order of the table. Undefined scores come last. */
export function orderOfCases(cases: readonly CaseResult[], metric: Metric, sort: ResultsState['sort']): number[] {
  const { column, worstFirst } = sort;
  const sign = worstFirst ? -1 : 1;
  const byName = (a: number, b: number): number =>
    cases[a]!.case.localeCompare(cases[b]!.case, 'en', { numeric: true }) || a - b;
  const indices = cases.map((_, index) => index);
  if (column === 'case') return indices.sort((a, b) => (worstFirst ? -byName(a, b) : byName(a, b)));
  const values = cases.map((item) =>
    column === 'mean' ? caseMean(item, metric) : scoreOf(item.classes[column], metric),
  );
  return indices.sort((a, b) => {
    const [first, second] = [values[a], values[b]];
    if (first === undefined || second === undefined) {
      return first === second ? byName(a, b) : first === undefined ? 1 : -1;
    }
    return sign * (metric.badness(first) - metric.badness(second)) || byName(a, b);
  });
}

/** Quartiles with linear interpolation (numpy's default). */
export function quartiles(values: readonly number[]): readonly [number, number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const low = Math.floor(place);
    const above = sorted[Math.min(low + 1, sorted.length - 1)]!;
    return sorted[low]! + (above - sorted[low]!) * (place - low);
  };
  return [at(0.25), at(0.5), at(0.75)];
}

/** A row of the chart and of the summary: a class, or the means of cases. */
export interface ScoreRow {
  readonly name: string;
  readonly colour: string | undefined;
  /** Class from 0; absent for the means of cases. */
  readonly index?: number;
  readonly points: readonly { readonly value: number; readonly case: number }[];
  readonly summary: { readonly mean: number | null; readonly low: number | null; readonly high: number | null };
}

const EMPTY = { mean: null, low: null, high: null };

/** The rows of a metric: the classes in their order, then the means of cases where there are several classes. */
export function scoreRows(results: Results, classes: readonly ResultClass[], metric: Metric): ScoreRow[] {
  const { cases, summary } = results;
  const pointsOf = (score: (item: CaseResult) => number | undefined) =>
    cases.flatMap((item, index) => {
      const value = score(item);
      return value === undefined ? [] : [{ value, case: index }];
    });
  const rows = classes.map(({ name, colour }, index): ScoreRow => {
    const own = summary?.classes[index]?.scores[metric.id];
    return {
      name,
      colour,
      index,
      points: pointsOf((item) => scoreOf(item.classes[index], metric)),
      summary: own ?? EMPTY,
    };
  });
  if (classes.length < 2) return rows;
  const overall = summary?.overall[metric.id] ?? EMPTY;
  const mean: ScoreRow = {
    name: 'mean of each case',
    colour: undefined,
    points: pointsOf((item) => caseMean(item, metric)),
    summary: overall,
  };
  return [...rows, mean];
}
