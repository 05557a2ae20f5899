import type { ShownStudy, StudySpread } from '../../src/protocol/results';
import { escapeXml } from '../ui/svg';
import { lineStyle, type Theme } from '../ui/theme';
import type { Ink } from './classChart';
import { legendSvg, studyPanelSvg, type StudyLine, type StudyPanel } from './studyChart';
import { SIDES } from './studyTable';
import { counted } from '../../src/text';

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
    {
      title: `Mean ${score}, ${counted(heldOut, 'held-out case')}`,
      amounts,
      by,
      lines: sides,
      include: [],
    },
    {
      title: `Difference in ${score}: pre-trained minus scratch`,
      amounts,
      by,
      lines: [lineOf('difference', 2, differences, kind)],
      include: [0],
    },
  ];
}

const LEGEND_HEIGHT = 28;
const PANEL_HEIGHT = 270;

/** The picture for files: what the lines are, then both charts below one another. */
export function studySvg(study: ShownStudy, width: number, ink: Ink, font: string): string {
  const panels = studyPanels(study, 'light');
  const charts = panels.map((panel, index) =>
    studyPanelSvg(panel, width, ink, font).replace('<svg ', `<svg y="${LEGEND_HEIGHT + index * PANEL_HEIGHT}" `),
  );
  const height = LEGEND_HEIGHT + panels.length * PANEL_HEIGHT;
  const legend = `<g font-family="${escapeXml(font)}">${legendSvg(panels[0]!.lines, ink)}</g>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${legend}${charts.join('')}</svg>`;
}
