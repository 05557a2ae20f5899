import { element } from '../ui/dom';
import { valueAt, type Line } from './lines';
import { formatCount, formatValue } from '../../src/text';

/** Fills a table with the same values as the charts, a row a step, the latest first. */
export function fillTable(table: HTMLTableElement, lines: readonly Line[]): void {
  const steps = [...new Set(lines.flatMap((line) => [...line.series.steps]))].sort((a, b) => b - a);
  const header = element(
    'tr',
    {},
    element('th', { scope: 'col' }, 'Step'),
    ...lines.map((line) => element('th', { scope: 'col' }, line.label)),
  );
  const rows = steps.map((step) => {
    const cells = lines.map((line) => {
      const here = line.series.steps.includes(step) ? valueAt(line.series, step) : undefined;
      return element('td', {}, here === undefined ? '' : formatValue(here, 6));
    });
    return element('tr', {}, element('th', { scope: 'row' }, formatCount(step)), ...cells);
  });
  const caption = element(
    'caption',
    { class: 'muted' },
    'Metrics by step; long runs are thinned, “CSV” saves every step.',
  );
  table.replaceChildren(caption, element('thead', {}, header), element('tbody', {}, ...rows));
}
