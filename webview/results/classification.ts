import type { ClassifiedResult, ResultClass, Results } from '../../src/protocol/scores';
import { element } from '../ui/dom';
import { escapeXml } from '../ui/svg';
import type { Ink } from './classChart';
import { swatch } from './caseTable';

export const SCORE_LABELS: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  f1: 'F1 (macro)',
  auc: 'AUC (macro)',
};

export const predictedClass = ({ probabilities }: ClassifiedResult): number =>
  probabilities.indexOf(Math.max(...probabilities));

/** Counts by true class (rows) and predicted class (columns). */
export function confusionMatrix(cases: readonly ClassifiedResult[], classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  for (const one of cases) counts[one.truth]![predictedClass(one)]!++;
  return counts;
}

export interface RocCurve {
  /** False positive rate and true positive rate, from (0, 0) to (1, 1). */
  readonly points: readonly (readonly [number, number])[];
  readonly area: number;
}

/** ROC curve of a class against the rest; undefined where all cases are of one kind. */
export function rocCurve(cases: readonly ClassifiedResult[], index: number): RocCurve | undefined {
  const positives = cases.filter(({ truth }) => truth === index).length;
  const negatives = cases.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  const order = [...cases].sort((a, b) => b.probabilities[index]! - a.probabilities[index]!);
  const points: [number, number][] = [[0, 0]];
  let [hits, alarms, area] = [0, 0, 0];
  order.forEach((one, at) => {
    if (one.truth === index) hits++;
    else alarms++;
    // Equal scores are one step, however they are ordered.
    if (order[at + 1]?.probabilities[index] === one.probabilities[index]) return;
    const next: [number, number] = [alarms / negatives, hits / positives];
    const [x, y] = points.at(-1)!;
    area += ((next[0] - x) * (next[1] + y)) / 2;
    points.push(next);
  });
  return { points, area };
}

/** The matrix as a table: counts, and the share of the row as colour and text. */
export function confusionTable(cases: readonly ClassifiedResult[], classes: readonly ResultClass[]): HTMLTableElement {
  const counts = confusionMatrix(cases, classes.length);
  const header = [
    element('th', { scope: 'col' }, 'True \\ predicted'),
    ...classes.map(({ name }) => element('th', { scope: 'col' }, name)),
  ];
  const rows = counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, predicted) => {
      const share = total > 0 ? count / total : 0;
      const text = total > 0 ? `${Math.round(100 * share)} %` : '';
      const cell = element('td', { class: truth === predicted ? 'right' : 'wrong' }, String(count));
      cell.append(element('span', { class: 'muted interval' }, text));
      cell.style.setProperty('--bad', share.toFixed(3));
      return cell;
    });
    const name = element('span', { class: 'organ' }, swatch(classes[truth]!.colour), classes[truth]!.name);
    return element('tr', {}, element('th', { scope: 'row' }, name), ...cells);
  });
  const caption = element('caption', { class: 'heading' }, 'Confusion matrix');
  return element(
    'table',
    { class: 'confusion' },
    caption,
    element('thead', {}, element('tr', {}, ...header)),
    element('tbody', {}, ...rows),
  );
}

const SIZE = 240;
const EDGE = { left: 40, top: 10, bottom: 36, right: 12 };

/** ROC curves, one class against the rest, as SVG text. */
export function rocSvg(
  cases: readonly ClassifiedResult[],
  classes: readonly ResultClass[],
  ink: Ink,
  font: string,
): string {
  const x = (rate: number): string => (EDGE.left + rate * SIZE).toFixed(1);
  const y = (rate: number): string => (EDGE.top + (1 - rate) * SIZE).toFixed(1);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) =>
      `<path d="M${x(tick)} ${y(0)}V${y(1)}M${x(0)} ${y(tick)}H${x(1)}" stroke="${ink.grid}"/>` +
      `<text x="${x(tick)}" y="${EDGE.top + SIZE + 15}" text-anchor="middle" fill="${ink.muted}">${tick}</text>` +
      `<text x="${EDGE.left - 6}" y="${Number(y(tick)) + 4}" text-anchor="end" fill="${ink.muted}">${tick}</text>`,
  );
  const curves = classes.map(({ colour }, index) => {
    const points = rocCurve(cases, index)?.points ?? [];
    const path = points.map(([a, b], at) => `${at === 0 ? 'M' : 'L'}${x(a)} ${y(b)}`).join('');
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5" stroke-linejoin="round"/>`;
  });
  const width = EDGE.left + SIZE + EDGE.right;
  const height = EDGE.top + SIZE + EDGE.bottom;
  const label = `<text x="${x(0.5)}" y="${height - 4}" text-anchor="middle" fill="${ink.muted}">false positive rate</text>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="${escapeXml(font)}" font-size="11">${grid.join('')}` +
    `<path d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}" stroke="${ink.muted}" stroke-dasharray="3 3"/>${curves.join('')}${label}</svg>`
  );
}

/** Names, colours and areas of the curves. */
export function rocLegend(cases: readonly ClassifiedResult[], classes: readonly ResultClass[]): HTMLElement {
  const items = classes.map(({ name, colour }, index) => {
    const curve = rocCurve(cases, index);
    const area = curve ? `AUC ${curve.area.toFixed(3)}` : 'no such case';
    return element('li', {}, element('span', { class: 'organ' }, swatch(colour), name), ' ', element('b', {}, area));
  });
  return element('ul', { class: 'legend' }, ...items);
}

/** The cases, the surest mistakes first; a row opens the image. */
export function classifiedTable(
  { classification = [] }: Results,
  classes: readonly ResultClass[],
  onOpen: (index: number) => void,
): HTMLTableElement {
  const surprise = (one: ClassifiedResult): number => 1 - one.probabilities[one.truth]!;
  const order = classification.map((_, at) => at);
  order.sort((a, b) => surprise(classification[b]!) - surprise(classification[a]!));
  const rows = order.map((at) => {
    const one = classification[at]!;
    const predicted = predictedClass(one);
    const open = element('button', { type: 'button', class: 'link', title: one.image }, one.case);
    open.addEventListener('click', () => onOpen(at));
    return element(
      'tr',
      { class: predicted === one.truth ? '' : 'mistake' },
      element('th', { scope: 'row' }, open),
      element('td', {}, classes[one.truth]!.name),
      element('td', {}, `${predicted === one.truth ? '' : '✕ '}${classes[predicted]!.name}`),
      ...one.probabilities.map((value) => element('td', {}, value.toFixed(3))),
    );
  });
  const names = ['Case', 'Truth', 'Predicted', ...classes.map(({ name }) => `p(${name})`)];
  const header = names.map((name) => element('th', { scope: 'col' }, name));
  const caption = element('caption', { class: 'heading' }, 'Cases, the most confident mistakes first');
  return element(
    'table',
    { class: 'classified' },
    caption,
    element('thead', {}, element('tr', {}, ...header)),
    element('tbody', {}, ...rows),
  );
}
