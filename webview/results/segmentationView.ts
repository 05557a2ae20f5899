import type { ResultsState, ShownResults } from '../../src/protocol/results';
import { element } from '../ui/dom';
import { tabs } from '../ui/controls';
import type { Theme } from '../ui/theme';
import { caseTable } from './caseTable';
import { classChartSvg, type ClassChart, type Ink } from './classChart';
import { drawing } from './picture';
import { ABSENCES, explain, scoreRows, type Metric } from './scores';
import { summaryTable } from './summaryTable';

export interface SegmentationEvents {
  onOpen(index: number, classIndex: number | undefined): void;
  onState(change: Partial<ResultsState>): void;
}

const NARROWEST = 520;
const WIDEST = 1000;

export const inkOf = ({ foreground, muted, background, grid }: Theme): Ink => ({ foreground, muted, background, grid });

export function chartOf({ results, classes }: ShownResults, metric: Metric): ClassChart {
  const references = (results.published ?? []).filter((one) => one.metric === metric.id);
  const caseNames = results.cases.map((one) => one.case);
  return { rows: scoreRows(results, classes, metric), metric, references, caseNames };
}

/** Tabs with the table of cases and the chart of classes. */
export class SegmentationView {
  readonly node: HTMLElement;
  private readonly cases = element('div', { class: 'scroll', id: 'cases' });
  private readonly chart = element('div', { class: 'chart', id: 'chart' });
  private readonly summary = element('div', { class: 'scroll' });
  private readonly references = element('ol', { class: 'references muted' });
  private shown: { data: ShownResults; metric: Metric; state: ResultsState; theme: Theme } | undefined;

  constructor(
    state: ResultsState,
    private readonly events: SegmentationEvents,
  ) {
    const legend = element(
      'p',
      { class: 'muted note' },
      'A cell opens the slice with most error. ',
      ...ABSENCES.map(({ sign, meaning }) => element('span', {}, element('b', {}, sign), ` ${meaning}`)),
    );
    const classes = element('div', {}, this.chart, this.references, this.summary);
    this.node = tabs(
      [
        { id: 'cases', label: 'Cases', content: element('div', {}, this.cases, legend) },
        { id: 'classes', label: 'Classes', content: classes },
      ],
      state.view,
      (view) => {
        events.onState({ view: view === 'classes' ? 'classes' : 'cases' });
        this.resized();
      },
    );
    this.chart.addEventListener('click', ({ target }) => {
      const dot = target instanceof Element ? target.closest('circle') : null;
      if (!dot) return;
      const { case: at, class: index } = dot.dataset;
      events.onOpen(Number(at), index === undefined ? undefined : Number(index));
    });
  }

  update(data: ShownResults, metric: Metric, state: ResultsState, theme: Theme): void {
    this.shown = { data, metric, state, theme };
    const { results, classes } = data;
    const held = document.activeElement?.closest('#cases') ? focusedPlace(this.cases) : undefined;
    const content = { results, classes, metric, sort: state.sort };
    const table = caseTable(content, {
      onOpen: (index, classIndex) => this.events.onOpen(index, classIndex),
      onSort: (sort) => this.events.onState({ sort }),
    });
    table.title = explain(metric, results);
    this.cases.replaceChildren(table);
    held?.(table);
    this.summary.replaceChildren(summaryTable(results, classes));
    this.resized();
  }

  /** Draws the chart anew for the width there is. */
  resized(): void {
    if (!this.shown) return;
    const { data, metric, theme } = this.shown;
    const chart = chartOf(data, metric);
    const width = Math.min(WIDEST, Math.max(NARROWEST, this.chart.clientWidth || NARROWEST));
    const label = `${metric.label} by class: ${chart.rows
      .map(({ name, summary }) => `${name} ${summary.mean === null ? 'undefined' : metric.format(summary.mean)}`)
      .join(', ')}`;
    this.chart.replaceChildren(drawing(classChartSvg(chart, width, inkOf(theme), theme.fontFamily), label));
    const items = chart.references.map(({ of, value }) => element('li', {}, `${of}: ${metric.format(value)}`));
    this.references.replaceChildren(...items);
    this.references.hidden = items.length === 0;
  }
}

/** Remembers which header is focused, so that sorting does not lose the keyboard's place. */
function focusedPlace(within: HTMLElement): (table: HTMLElement) => void {
  const headers = [...within.querySelectorAll('button.sort')];
  const at = headers.indexOf(document.activeElement!);
  return (table) => table.querySelectorAll<HTMLElement>('button.sort')[at]?.focus();
}
