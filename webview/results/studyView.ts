import type { ShownStudy } from '../../src/protocol/results';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { drawing } from './picture';
import { inkOf } from './segmentationView';
import { studyPanelSvg, type StudyLine } from './studyChart';
import { studyPanels } from './studyPicture';
import { studyTable } from './studyTable';

function table(study: ShownStudy): HTMLTableElement {
  const { header, rows } = studyTable(study);
  const body = rows.map(([amount, ...cells]) =>
    element('tr', {}, element('th', { scope: 'row' }, amount), ...cells.map((text) => element('td', {}, text))),
  );
  const caption = element(
    'caption',
    { class: 'muted' },
    'Mean ± standard deviation over seeds; differences of the same seed; seeds in which the pre-trained side is ahead',
  );
  const names = header.map((name) => element('th', { scope: 'col' }, name));
  return element(
    'table',
    { class: 'study' },
    caption,
    element('thead', {}, element('tr', {}, ...names)),
    element('tbody', {}, ...body),
  );
}

/** A short piece of a line as the chart draws it. */
function lineSample({ colour, dash }: StudyLine): HTMLElement {
  const sample = element('span', { class: 'line-sample', 'aria-hidden': 'true' });
  sample.style.borderTop = `2px ${dash ? 'dashed' : 'solid'} ${colour}`;
  return sample;
}

/** Fine-tuning with and without pre-training on few and many labelled cases. */
export function studyView(study: ShownStudy, theme: Theme, width: number): HTMLElement {
  const ink = inkOf(theme);
  const wide = width > 900;
  const each = Math.max(320, Math.min(560, wide ? width / 2 - 40 : width - 32));
  const charts = studyPanels(study, theme.kind).map((panel) => {
    const label = `${panel.title}; the table below has its values`;
    return drawing(studyPanelSvg(panel, each, ink, theme.fontFamily), label);
  });
  const sides = studyPanels(study, theme.kind)[0]!.lines;
  const legend = sides.map((line) =>
    element('li', {}, element('span', { class: 'organ' }, lineSample(line), line.label)),
  );
  const failures = study.failures.map((text) => element('li', {}, text));
  return element(
    'div',
    { class: 'study-view' },
    element('ul', { class: 'legend inline' }, ...legend),
    element('div', { class: 'charts' }, ...charts),
    element('div', { class: 'scroll' }, table(study)),
    ...(failures.length > 0 ? [element('ul', { class: 'message error' }, ...failures)] : []),
  );
}
