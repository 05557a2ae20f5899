import type { ShownStudy, StudySpread } from '../../src/protocol/results';
import { escapeXml, ticks } from '../ui/svg';
import type { Ink } from './classChart';
import { counted, significant } from '../../src/text';

/** What is drawn of one side, or of the difference. */
export interface StudyLine {
  readonly label: string;
  readonly colour: string;
  readonly dash: string;
  readonly points: readonly StudySpread[];
}

export interface StudyPanel {
  readonly title: string;
  readonly amounts: readonly number[];
  readonly by: ShownStudy['by'];
  readonly lines: readonly StudyLine[];
  /** A value that must be on the axis: 0 for differences. */
  readonly include: readonly number[];
}

export const amountText = (amount: number, by: ShownStudy['by']): string =>
  by === 'cases' ? String(amount) : `${significant(100 * amount, 3)} %`;

const HEIGHT = 260;
const BOX = { left: 52, top: 26, bottom: 46, right: 14 };
const CAP = 4;
const LEGEND_STEP = 140;

function domain({ lines, include }: StudyPanel): readonly [number, number] {
  const ends = lines.flatMap(({ points }) =>
    points.flatMap(({ mean, deviation }) => [mean - (deviation ?? 0), mean + (deviation ?? 0)]),
  );
  const [low, high] = [Math.min(...ends, ...include), Math.max(...ends, ...include)];
  if (!Number.isFinite(low)) return [0, 1];
  const room = Math.max(0.01, (high - low) * 0.08);
  return [low - room, high + room];
}

/**
 * A chart of means over seeds with their standard deviation as bars, at equal distances whatever the amounts are.
 *
 * @returns SVG text
 */
export function studyPanelSvg(panel: StudyPanel, width: number, ink: Ink, font: string): string {
  const { amounts, by, lines, title } = panel;
  const [low, high] = domain(panel);
  const [right, bottom] = [width - BOX.right, HEIGHT - BOX.bottom];
  const step = (right - BOX.left) / amounts.length;
  const x = (amount: number): number => BOX.left + (amounts.indexOf(amount) + 0.5) * step;
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - BOX.top);
  const grid = ticks(low, high, 5).map((tick) => {
    const at = y(tick).toFixed(1);
    const stroke = tick === 0 ? ink.muted : ink.grid;
    return (
      `<path d="M${BOX.left} ${at}H${right}" stroke="${stroke}"/>` +
      `<text x="${BOX.left - 8}" y="${at}" dy="4" text-anchor="end" fill="${ink.muted}">${significant(tick, 6)}</text>`
    );
  });
  const labels = amounts.map(
    (amount) =>
      `<text x="${x(amount).toFixed(1)}" y="${bottom + 16}" text-anchor="middle" fill="${ink.muted}">${escapeXml(amountText(amount, by))}</text>`,
  );
  const unit = by === 'cases' ? 'labelled cases' : 'share of the labelled cases';
  const drawn = lines.map((line, order) => drawLine(line, (order - (lines.length - 1) / 2) * 8, x, y, ink));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" ` +
    `font-family="${escapeXml(font)}" font-size="11">` +
    `<text x="${BOX.left}" y="14" font-size="12" font-weight="600" fill="${ink.foreground}">${escapeXml(title)}</text>` +
    `${grid.join('')}${labels.join('')}` +
    `<text x="${(BOX.left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="${ink.muted}">${unit}</text>` +
    `${drawn.join('')}</svg>`
  );
}

/** The names of the lines in a row, for a picture that stands alone. */
export function legendSvg(lines: readonly Pick<StudyLine, 'label' | 'colour' | 'dash'>[], ink: Ink): string {
  const items = lines.map(({ label, colour, dash }, index) => {
    const left = BOX.left + index * LEGEND_STEP;
    return (
      `<path d="M${left} 10H${left + 24}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      `<circle cx="${left + 12}" cy="10" r="4" fill="${colour}"/>` +
      `<text x="${left + 32}" y="14" font-size="12" fill="${ink.foreground}">${escapeXml(label)}</text>`
    );
  });
  return items.join('');
}

function drawLine(
  { points, colour, dash, label }: StudyLine,
  shift: number,
  x: (amount: number) => number,
  y: (value: number) => number,
  ink: Ink,
): string {
  const places = points.map((point) => ({ ...point, px: x(point.amount) + shift }));
  const path = places
    .map(({ px, mean }, at) => `${at === 0 ? 'M' : 'L'}${px.toFixed(1)} ${y(mean).toFixed(1)}`)
    .join('');
  const bars = places.map(({ px, mean, deviation }) => {
    if (deviation === null) return '';
    const [top, bottom] = [y(mean + deviation).toFixed(1), y(mean - deviation).toFixed(1)];
    const cap = (at: string): string => `M${(px - CAP).toFixed(1)} ${at}H${(px + CAP).toFixed(1)}`;
    return `<path class="deviation" d="M${px.toFixed(1)} ${top}V${bottom}${cap(top)}${cap(bottom)}" stroke="${colour}" fill="none" stroke-width="1.5"/>`;
  });
  const dots = places.map(({ px, mean, count }) => {
    const name = `${label}: ${mean.toFixed(3)}, ${counted(count, 'seed')}`;
    return `<circle cx="${px.toFixed(1)}" cy="${y(mean).toFixed(1)}" r="4" fill="${colour}" stroke="${ink.background}"><title>${escapeXml(name)}</title></circle>`;
  });
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>${bars.join('')}${dots.join('')}`;
}
