import type { ResultClass, Results, ScoreSummary } from '../../src/protocol/scores';
import { element } from '../ui/dom';
import { swatch } from './caseTable';
import { metricsOf, type Metric } from './scores';

function cells(metric: Metric, summary: ScoreSummary | undefined): HTMLElement {
  if (!summary || summary.mean === null) return element('td', {}, '–');
  const { mean, low, high } = summary;
  const interval = low === null || high === null ? undefined : `${metric.format(low)} to ${metric.format(high)}`;
  return element('td', {}, metric.format(mean), element('span', { class: 'muted interval' }, interval));
}

/** Means with intervals of every metric, a row a class. */
export function summaryTable(results: Results, classes: readonly ResultClass[]): HTMLTableElement {
  const metrics = metricsOf(results);
  const { summary } = results;
  const header = [
    element('th', { scope: 'col' }, 'Class'),
    element('th', { scope: 'col', title: 'Cases whose ground truth has the class' }, 'Cases'),
    ...metrics.map(({ label, unit, title }) =>
      element('th', { scope: 'col', title }, unit ? `${label} (${unit})` : label),
    ),
  ];
  const rows = classes.map(({ name, colour }, index) => {
    const scores = summary?.classes[index]?.scores ?? {};
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('span', { class: 'organ' }, swatch(colour), name)),
      element('td', {}, String(scores.dice?.count ?? '–')),
      ...metrics.map((metric) => cells(metric, scores[metric.id])),
    );
  });
  const overall = element(
    'tr',
    {},
    element('th', { scope: 'row' }, 'Mean of each case'),
    element('td', {}, String(results.cases.length)),
    ...metrics.map((metric) => cells(metric, summary?.overall[metric.id])),
  );
  const caption = element('caption', { class: 'muted' }, 'Means over cases with 95 % bootstrap intervals');
  const foot = classes.length > 1 ? [element('tfoot', {}, overall)] : [];
  return element(
    'table',
    { class: 'summary' },
    caption,
    element('thead', {}, element('tr', {}, ...header)),
    element('tbody', {}, ...rows),
    ...foot,
  );
}
