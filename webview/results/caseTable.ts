import type { ResultsState } from '../../src/protocol/results';
import type { CaseResult, ClassScores, ResultClass, Results } from '../../src/protocol/scores';
import { element } from '../ui/dom';
import { absenceOf, caseMean, describeScore, orderOfCases, scoreOf, type Metric } from './scores';

export interface CaseTableContent {
  readonly results: Results;
  readonly classes: readonly ResultClass[];
  readonly metric: Metric;
  readonly sort: ResultsState['sort'];
}

export interface CaseTableEvents {
  /** A cell was chosen: a class of a case, or all classes. */
  onOpen(index: number, classIndex: number | undefined): void;
  onSort(sort: ResultsState['sort']): void;
}

type Column = ResultsState['sort']['column'];

/** More classes than this have their names written upwards. */
const MOST_UPRIGHT = 6;

export function swatch(colour: string): HTMLElement {
  const node = element('span', { class: 'swatch', 'aria-hidden': 'true' });
  node.style.backgroundColor = colour;
  return node;
}

/** Colours a cell by how bad its value is. */
function tint(cell: HTMLElement, metric: Metric, value: number): void {
  cell.style.setProperty('--bad', String(Math.min(1, Math.max(0, metric.badness(value))).toFixed(3)));
}

function headerCell(
  column: Column,
  label: Node | string,
  { sort }: CaseTableContent,
  events: CaseTableEvents,
): HTMLElement {
  const own = sort.column === column;
  // Names go up at first, scores start with the worst.
  const next = own ? !sort.worstFirst : column !== 'case';
  const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' }, own ? (sort.worstFirst ? '▼' : '▲') : '');
  const node = element('button', { type: 'button', class: 'sort' }, label, arrow);
  node.addEventListener('click', () => events.onSort({ column, worstFirst: next }));
  const direction = own ? (sort.worstFirst ? 'descending' : 'ascending') : 'none';
  return element('th', { scope: 'col', 'aria-sort': direction }, node);
}

function scoreCell(item: CaseResult, index: number, name: string, metric: Metric): HTMLElement {
  const found: ClassScores = item.classes[index]!;
  const value = scoreOf(found, metric);
  const title = `${describeScore(item, index, name, metric)}. Enter opens it.`;
  const text = value === undefined ? absenceOf(found).sign : metric.format(value);
  const cell = element('td', { tabindex: -1, title, 'aria-label': title, 'data-class': index }, text);
  if (value === undefined) cell.classList.add('absent');
  else tint(cell, metric, value);
  return cell;
}

function caseRow({ results, classes, metric }: CaseTableContent, at: number): HTMLElement {
  const item = results.cases[at]!;
  const mean = caseMean(item, metric);
  const meanTitle = `${item.case}, mean over its classes. Enter opens the case.`;
  const meanText = mean === undefined ? '–' : metric.format(mean);
  const meanCell = element('td', { tabindex: -1, class: 'mean', title: meanTitle }, meanText);
  if (mean !== undefined) tint(meanCell, metric, mean);
  return element(
    'tr',
    { 'data-case': at },
    element('th', { scope: 'row', title: item.image }, item.case),
    meanCell,
    ...classes.map(({ name }, index) => scoreCell(item, index, name, metric)),
  );
}

function footRow(name: string, texts: readonly string[]): HTMLElement {
  return element('tr', {}, element('th', { scope: 'row' }, name), ...texts.map((text) => element('td', {}, text)));
}

function footer({ results, classes, metric }: CaseTableContent): HTMLElement {
  const { summary } = results;
  const columns = [
    summary?.overall[metric.id],
    ...classes.map((_, index) => summary?.classes[index]?.scores[metric.id]),
  ];
  const shown = (value: number | null | undefined): string => (value == null ? '–' : metric.format(value));
  return element(
    'tfoot',
    {},
    footRow(
      'Mean',
      columns.map((one) => shown(one?.mean)),
    ),
    footRow(
      '95 % from',
      columns.map((one) => shown(one?.low)),
    ),
    footRow(
      'to',
      columns.map((one) => shown(one?.high)),
    ),
  );
}

/** Arrow keys move among the cells, of which one is in the tab order; Enter and a click open. */
function makeNavigable(body: HTMLElement, events: CaseTableEvents): void {
  const grid = (): HTMLElement[][] =>
    [...body.querySelectorAll('tr')].map((row) => [...row.querySelectorAll<HTMLElement>('td')]);
  const open = (cell: HTMLElement): void => {
    const at = Number(cell.closest('tr')!.dataset.case);
    events.onOpen(at, cell.dataset.class === undefined ? undefined : Number(cell.dataset.class));
  };
  const cellOf = (target: EventTarget | null): HTMLElement | null =>
    target instanceof Element ? target.closest<HTMLElement>('tbody td') : null;
  body.addEventListener('click', ({ target }) => {
    const cell = cellOf(target);
    if (cell) open(cell);
  });
  body.addEventListener('focusin', ({ target }) => {
    body.querySelector('td[tabindex="0"]')?.setAttribute('tabindex', '-1');
    cellOf(target)?.setAttribute('tabindex', '0');
  });
  body.addEventListener('keydown', (event) => {
    const cell = cellOf(event.target);
    if (!cell) return;
    if (event.key === 'Enter' || event.key === ' ') open(cell);
    else if (!moveFocus(grid(), cell, event.key)) return;
    event.preventDefault();
  });
  body.querySelector('td')?.setAttribute('tabindex', '0');
}

function moveFocus(cells: readonly HTMLElement[][], from: HTMLElement, key: string): boolean {
  const row = cells.findIndex((one) => one.includes(from));
  const column = cells[row]!.indexOf(from);
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] ?? [0, 0];
  const last = cells[row]!.length - 1;
  const to = { Home: 0, End: last }[key] ?? Math.min(last, Math.max(0, column + right));
  const target = cells[Math.min(cells.length - 1, Math.max(0, row + down))]![to]!;
  if (target === from) return down !== 0 || right !== 0;
  target.focus();
  return true;
}

/** The table of cases by classes, sorted; `role="grid"` since the arrow keys move in it. */
export function caseTable(content: CaseTableContent, events: CaseTableEvents): HTMLTableElement {
  const { results, classes, metric, sort } = content;
  const upwards = classes.length > MOST_UPRIGHT;
  const head = element(
    'tr',
    {},
    headerCell('case', 'Case', content, events),
    headerCell('mean', 'Mean', content, events),
    ...classes.map(({ name, colour }, index) =>
      headerCell(index, element('span', { class: 'organ' }, swatch(colour), name), content, events),
    ),
  );
  const body = element('tbody', {}, ...orderOfCases(results.cases, metric, sort).map((at) => caseRow(content, at)));
  makeNavigable(body, events);
  const caption = element('caption', { class: 'hidden' }, `${metric.label} by case and class`);
  const attributes = { role: 'grid', class: upwards ? 'cases upwards' : 'cases', 'data-metric': metric.id };
  const several = results.cases.length > 1 ? [footer(content)] : [];
  return element('table', attributes, caption, element('thead', {}, head), body, ...several);
}
