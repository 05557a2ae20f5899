import type { ShownStudy, StudySide, StudySpread } from '../../src/protocol/results';
import { amountText } from './studyChart';

/** The two sides of a study in the order in which they are drawn. */
export const SIDES: readonly { readonly arm: StudySide; readonly label: string }[] = [
  { arm: 'pretrained', label: 'pre-trained' },
  { arm: 'scratch', label: 'from scratch' },
];

const MINUS = '\u2212';

function spread(point: StudySpread | undefined, signed = false): string {
  if (!point) return '–';
  const sign = point.mean < 0 ? MINUS : signed && point.mean > 0 ? '+' : '';
  const mean = `${sign}${Math.abs(point.mean).toFixed(3)}`;
  return point.deviation === null ? mean : `${mean} ± ${point.deviation.toFixed(3)}`;
}

/**
 * The numbers of a study as texts, a row an amount of labelled cases; what has not run yet is a dash. The last column counts the
 * seeds in which the pre-trained side is ahead.
 */
export function studyTable({ amounts, by, points, differences }: ShownStudy): { header: string[]; rows: string[][] } {
  const first = by === 'cases' ? 'Labelled cases' : 'Share of cases';
  const rows = amounts.map((amount) => {
    const sides = SIDES.map(({ arm }) => points.find((point) => point.arm === arm && point.amount === amount));
    const difference = differences.find((one) => one.amount === amount);
    const ahead = difference ? `${difference.ahead} of ${difference.count}` : '–';
    return [amountText(amount, by), ...sides.map((side) => spread(side)), spread(difference, true), ahead];
  });
  return { header: [first, 'Pre-trained', 'From scratch', 'Difference', 'Ahead'], rows };
}
