import type { ShownStudy, StudySide, StudySpread } from '../../src/protocol/results';
import { element } from '../ui/dom';
import { lineStyle, type Theme } from '../ui/theme';
import type { Ink } from './classChart';
import { swatch } from './caseTable';
import { drawing } from './picture';
import { inkOf } from './segmentationView';
import { amountText, studyPanelSvg, type StudyLine, type StudyPanel } from './studyChart';

const SIDES: readonly { readonly arm: StudySide; readonly label: string }[] = [
  { arm: 'pretrained', label: 'pre-trained' },
  { arm: 'scratch', label: 'from scratch' },
];

function lineOf(label: string, index: number, points: readonly StudySpread[], kind: Theme['kind']): StudyLine {
  const { colour } = lineStyle(index, kind);
  return { label, colour, dash: index === 1 ? '6 4' : '', points };
}

/** The charts of a study: both sides, and their paired difference. */
export function studyPanels(study: ShownStudy, kind: Theme['kind']): StudyPanel[] {
  const { amounts, by, points, differences, score, heldOut } = study;
  const sides = SIDES.map(({ arm, label }, index) =>
    lineOf(
      label,
      index,
      points.filter((point) => point.arm === arm),
      kind,
    ),
  );
  return [
    { title: `Mean ${score}, ${heldOut} held-out cases`, amounts, by, lines: sides, include: [] },
    {
      title: `Difference in ${score}: pre-trained minus scratch`,
      amounts,
      by,
      lines: [lineOf('difference', 2, differences, kind)],
      include: [0],
    },
  ];
}

const spread = (point: StudySpread | undefined, signed = false): string => {
  if (!point) return '–';
  const sign = signed && point.mean > 0 ? '+' : '';
  const mean = `${sign}${point.mean.toFixed(3)}`;
  return point.deviation === null ? mean : `${mean} ± ${point.deviation.toFixed(3)}`;
};

function table({ amounts, by, points, differences }: ShownStudy): HTMLTableElement {
  const names = [
    by === 'cases' ? 'Labelled cases' : 'Share of cases',
    'Pre-trained',
    'From scratch',
    'Difference',
    'Pre-trained ahead',
  ];
  const rows = amounts.map((amount) => {
    const [pretrained, scratch] = SIDES.map(({ arm }) =>
      points.find((point) => point.arm === arm && point.amount === amount),
    );
    const difference = differences.find((one) => one.amount === amount);
    const ahead = difference ? `${difference.ahead} of ${difference.count}` : '–';
    const texts = [spread(pretrained), spread(scratch), spread(difference, true), ahead];
    const cells = texts.map((text) => element('td', {}, text));
    return element('tr', {}, element('th', { scope: 'row' }, amountText(amount, by)), ...cells);
  });
  const caption = element(
    'caption',
    { class: 'muted' },
    'Mean ± standard deviation over seeds; differences of the same seed',
  );
  const header = names.map((name) => element('th', { scope: 'col' }, name));
  return element(
    'table',
    { class: 'study' },
    caption,
    element('thead', {}, element('tr', {}, ...header)),
    element('tbody', {}, ...rows),
  );
}

/** The picture for files: both charts below one another. */
export function studySvg(study: ShownStudy, width: number, ink: Ink, font: string): string {
  const charts = studyPanels(study, 'light').map((panel) => studyPanelSvg(panel, width, ink, font));
  const body = charts.map((chart, index) => chart.replace('<svg ', `<svg y="${index * 270}" `)).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${charts.length * 270}">${body}</svg>`;
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
  const legend = SIDES.map(({ label }, index) =>
    element('li', {}, element('span', { class: 'organ' }, swatch(lineStyle(index, theme.kind).colour), label)),
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
