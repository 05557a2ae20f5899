import type { ShownResults } from '../../src/protocol/results';
import { counted, plural } from '../../src/text';
import { element } from '../ui/dom';

/** The cases that could not be scored, with the reasons: means without them are of easier cases. */
export function notScored({ results: { failed = [] } }: ShownResults): HTMLElement[] {
  if (failed.length === 0) return [];
  const items = failed.map(({ case: name, image, reason }) =>
    element('li', { title: image }, element('b', {}, name), `: ${reason}`),
  );
  const head = `${counted(failed.length, 'held-out case')} could not be scored and ${plural(failed.length, 'is', 'are')} left out of all figures:`;
  return [element('div', { class: 'message', id: 'not-scored' }, head, element('ul', {}, ...items))];
}

/** How the scores came about, folded away. */
export function measuredWith({ measured }: ShownResults): HTMLElement[] {
  if (!measured) return [];
  const rows = measured.map(([name, value]) =>
    element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value)),
  );
  const table = element('table', { class: 'settings' }, element('tbody', {}, ...rows));
  return [element('details', { id: 'settings' }, element('summary', {}, 'How this was measured'), table)];
}
