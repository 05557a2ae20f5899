import type { PairedScore, ScoreComparison } from '../../src/protocol/comparison';
import type { CompareState } from '../../src/protocol/compare';
import type { Metric } from '../results/scores';
import { button, dropdown } from '../ui/controls';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { Drawn } from './drawn';
import { badge, letterOf } from './letters';
import {
  comparedMetrics,
  differenceText,
  extentOf,
  MEAN,
  pText,
  comparisonRows,
  verdictOf,
  type ComparisonRow,
  type ScoreSort,
} from './scoreModel';
import { counted } from '../../src/text';

export interface ScoresContent {
  readonly scores: readonly ScoreComparison[];
  /** What each checkpoint is called, in full. */
  readonly names: readonly string[];
  /** Positions of the fine-tuned checkpoints that have not been evaluated. */
  readonly unevaluated: readonly number[];
  readonly state: CompareState;
  readonly theme: Theme;
}

export interface ScoresEvents {
  set(change: Partial<CompareState>): void;
  evaluate(at: number): void;
  export(): void;
}

/** Rows that are of no class. */
const NAMES: Readonly<Record<string, string>> = { [MEAN]: 'Mean of each case', all: 'All volumes' };

const WIDTH = 132;
const HEIGHT = 18;

/** The interval of a difference around a line at 0. */
function intervalBar({ difference, low, high }: PairedScore, extent: number): SVGElement {
  const node = (tag: string, attributes: Record<string, string | number>): SVGElement => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    return made;
  };
  const x = (value: number): number => WIDTH / 2 + (value / extent) * (WIDTH / 2 - 5);
  const svg = node('svg', { width: WIDTH, height: HEIGHT, class: 'interval', 'aria-hidden': 'true' });
  const [middle, at] = [HEIGHT / 2, x(difference)];
  svg.append(node('path', { d: `M${WIDTH / 2} 1V${HEIGHT - 1}`, class: 'zero' }));
  if (low !== null && high !== null) {
    const [a, b] = [x(low), x(high)];
    svg.append(node('path', { d: `M${a} ${middle}H${b}M${a} ${middle - 4}v8M${b} ${middle - 4}v8`, class: 'range' }));
  }
  svg.append(node('circle', { cx: at, cy: middle, r: 3.5, class: 'dot' }));
  return svg;
}

/** A difference in a sentence, for the pointer and for screen readers. */
function sentence(pair: PairedScore, metric: Metric, letter: string): string {
  const { name, difference, low, high, cases, p, test } = pair;
  const unit = metric.unit && ` ${metric.unit}`;
  const interval =
    low === null || high === null ? 'no interval for one case' : `95 % interval ${intervalText(pair, metric)}${unit}`;
  const tested = cases > 1 ? `, p ${pText(p)} (Wilcoxon signed-rank, ${test})` : '';
  const over = `over ${counted(cases, 'case')}`;
  return `${name}: ${letter} − A ${differenceText(difference, metric)}${unit}, ${interval}, ${over}${tested}`;
}

const intervalText = ({ low, high }: PairedScore, metric: Metric): string =>
  low === null || high === null ? '' : `${differenceText(low, metric)} to ${differenceText(high, metric)}`;

function pairCells(pair: PairedScore | undefined, at: number, metric: Metric, extent: number, own: boolean): Node[] {
  const none = (): HTMLElement => element('td', { class: 'muted' }, '–');
  if (!pair) return own ? [none(), none(), none(), none(), none()] : [none(), none(), none()];
  const title = sentence(pair, metric, letterOf(at + 1));
  const verdict = verdictOf(pair);
  const difference = element(
    'td',
    { class: `difference ${verdict}`, title, 'data-verdict': verdict },
    element('span', { class: 'value' }, differenceText(pair.difference, metric)),
    intervalBar(pair, extent),
    element('span', { class: 'muted', 'aria-hidden': 'true' }, intervalText(pair, metric)),
    element('span', { class: 'unseen' }, `. ${title}`),
  );
  return [
    ...(own ? [element('td', {}, metric.format(pair.reference))] : []),
    element('td', {}, metric.format(pair.other)),
    difference,
    element('td', { class: 'p' }, pText(pair.p)),
    ...(own ? [element('td', { class: 'muted' }, String(pair.cases))] : []),
  ];
}

/** Scores by class with the paired differences to the reference. */
export class ScoresView {
  readonly node = element('div', { class: 'scores' });
  private readonly drawn = new Drawn();
  private readonly bar = element('div', { class: 'toolbar' });
  private readonly notes = element('div', { class: 'notes' });
  private readonly table = element('div', { class: 'scroll' });
  private readonly foot = element('p', { class: 'muted note' });
  private shape = '';

  constructor(private readonly events: ScoresEvents) {
    this.node.append(this.bar, this.notes, this.table, this.foot);
  }

  update(content: ScoresContent): void {
    const { scores, names, unevaluated, state, theme } = content;
    if (!this.drawn.differs(scores, names.join(), unevaluated.join(), state.metric, state.scoreSort, theme)) return;
    const metrics = comparedMetrics(scores);
    const metric = metrics.find(({ id }) => id === state.metric) ?? metrics[0];
    this.drawBar(metrics, metric);
    this.drawNotes(content);
    this.foot.hidden = !metric;
    if (!metric) return this.table.replaceChildren();
    const held = document.activeElement?.closest('.scores th') ? document.activeElement.id : '';
    this.table.replaceChildren(this.scoreTable(content, metric));
    if (held) document.getElementById(held)?.focus();
    const unit = metric.unit ? ` in ${metric.unit}` : '';
    this.foot.textContent =
      `${metric.title}${unit}. Differences are means over the cases that both were evaluated on, with 95 % intervals of a ` +
      'paired bootstrap over cases; p is of the two-sided Wilcoxon signed-rank test and is not corrected for the number of rows.';
  }

  private drawBar(metrics: readonly Metric[], metric: Metric | undefined): void {
    const shape = metrics.map(({ id }) => id).join();
    // Built anew while it is used it would lose the focus.
    if (shape === this.shape) return;
    this.shape = shape;
    if (!metric) return this.bar.replaceChildren();
    const options = metrics.map(({ id, label, unit }) => ({ value: id, label: unit ? `${label}, ${unit}` : label }));
    this.bar.replaceChildren(
      dropdown('Score', options, metric.id, (id) => this.events.set({ metric: id }), 'metric'),
      element('span', { class: 'spacer' }),
      button('CSV', () => this.events.export(), { id: 'csv', title: 'Save all scores and differences as a CSV table' }),
    );
  }

  /** What is not there (evaluations, cases that only one of two has), and evaluations that are not alike. */
  private drawNotes({ scores, names, unevaluated }: ScoresContent): void {
    const open = unevaluated.map((at) =>
      element(
        'div',
        { class: 'message evaluate', 'data-at': at },
        element('span', {}, `${letterOf(at)}, ${names[at]!}, has not been evaluated on whole volumes.`),
        button(`Evaluate ${letterOf(at)}`, () => this.events.evaluate(at), {
          id: `evaluate-${letterOf(at)}`,
          title: 'Score this checkpoint on the held-out cases, in the background',
        }),
      ),
    );
    const gaps = scores.flatMap(({ checkpoint, commonCases, otherCases, missing }) => {
      const pair = `${letterOf(checkpoint)} and A`;
      if (commonCases.length === 0 && otherCases.length > 0)
        return [`${pair} have no evaluated case in common, so no scores can be paired.`];
      if (otherCases.length > 0)
        return [
          `${pair} share ${counted(commonCases.length, 'case')}; ${otherCases.length} have scores for only one of them and are left out: ${otherCases.join(', ')}.`,
        ];
      return missing !== undefined && unevaluated.length === 0 ? [missing] : [];
    });
    const measured = scores.flatMap(({ checkpoint, settings }) =>
      settings ? [`A and ${letterOf(checkpoint)} were evaluated with other settings (${settings.join('; ')}).`] : [],
    );
    this.notes.replaceChildren(
      ...open,
      ...[...gaps, ...measured].map((text) => element('p', { class: 'message' }, text)),
    );
  }

  private scoreTable({ scores, state, theme }: ScoresContent, metric: Metric): HTMLElement {
    const rows = comparisonRows(scores, metric.id, state.scoreSort);
    const extent = extentOf(rows);
    // With several pairs the reference is measured on other cases in each: it is written in every pair.
    const own = scores.length === 1 || new Set(scores.map(({ commonCases }) => commonCases.join('\n'))).size > 1;
    const groups = scores.map(({ checkpoint }, at) => this.groupHead(checkpoint, at, own, state.scoreSort, theme));
    const shared = own ? [] : [element('th', { scope: 'col' }, badge(0, theme.kind))];
    const head = element('tr', {}, this.sortHead('class', 'Organ', state.scoreSort), ...shared, ...groups.flat());
    const body = rows.map((row) => {
      const reference = own ? [] : [this.referenceCell(row, metric)];
      const cells = row.pairs.flatMap((pair, at) => pairCells(pair, at, metric, extent, own));
      const name = NAMES[row.name] ?? row.name;
      const attributes = { class: row.name === MEAN ? 'mean' : '', 'data-class': row.name };
      return element('tr', attributes, element('th', { scope: 'row' }, name), ...reference, ...cells);
    });
    const caption = element('caption', { class: 'unseen' }, `${metric.label} by organ with differences to A`);
    return element('table', {}, caption, element('thead', {}, head), element('tbody', {}, ...body));
  }

  private referenceCell({ pairs }: ComparisonRow, metric: Metric): HTMLElement {
    const first = pairs.find((pair) => pair !== undefined);
    return element('td', {}, first ? metric.format(first.reference) : '–');
  }

  private groupHead(checkpoint: number, at: number, own: boolean, sort: ScoreSort, theme: Theme): HTMLElement[] {
    const letter = letterOf(checkpoint);
    return [
      ...(own ? [element('th', { scope: 'col' }, badge(0, theme.kind))] : []),
      element('th', { scope: 'col' }, badge(checkpoint, theme.kind)),
      this.sortHead(at, `${letter} − A`, sort, 'difference'),
      element('th', { scope: 'col', title: 'Two-sided Wilcoxon signed-rank test' }, 'p'),
      ...(own ? [element('th', { scope: 'col', title: 'Cases in which both have the score' }, 'Cases')] : []),
    ];
  }

  private sortHead(by: ScoreSort['by'], label: string, sort: ScoreSort, kind = ''): HTMLElement {
    const own = sort.by === by;
    const arrow = own ? (sort.descending ? ' ▼' : ' ▲') : '';
    const text = element('span', { 'aria-hidden': 'true' }, arrow);
    const node = element('button', { type: 'button', class: 'sort', id: `sort-${by}` }, label, text);
    node.addEventListener('click', () =>
      this.events.set({ scoreSort: { by, descending: own ? !sort.descending : false } }),
    );
    const direction = own ? (sort.descending ? 'descending' : 'ascending') : 'none';
    return element('th', { scope: 'col', class: kind, 'aria-sort': direction }, node);
  }
}
