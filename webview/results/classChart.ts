import { escapeXml, ticks } from '../ui/svg';
import { quartiles, type Metric, type ScoreRow } from './scores';
import { significant } from '../../src/text';

/** Colours of a drawing. */
export interface Ink {
  readonly foreground: string;
  readonly muted: string;
  readonly background: string;
  readonly grid: string;
}

/** A figure of a publication. */
export interface Reference {
  readonly value: number;
  readonly of: string;
}

export interface ClassChart {
  readonly rows: readonly ScoreRow[];
  readonly metric: Metric;
  readonly references: readonly Reference[];
  readonly caseNames: readonly string[];
}

const ROW = 28;
const TOP = 8;
const AXIS = 34;
const LABEL = 190;
const NUMBERS = 150;
const GAP = 16;

interface Scale {
  readonly low: number;
  readonly high: number;
  x(value: number): number;
}

/** The axis: shares from a round tenth up to 1, others from 0, deviations to both sides of 0. */
function domain({ rows, metric, references }: ClassChart): readonly [number, number] {
  const values = [...rows.flatMap(({ points }) => points.map(({ value }) => value)), ...references.map((r) => r.value)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (values.length === 0) return [0, 1];
  if (metric.id === 'volumeError') {
    const reach = Math.max(0.05, Math.abs(least), Math.abs(most)) * 1.05;
    return [-reach, reach];
  }
  if (metric.id === 'hd95') return [0, Math.max(1, most * 1.05)];
  return [Math.max(0, Math.floor(least * 10) / 10), 1];
}

function scaleFor(chart: ClassChart, width: number): Scale {
  const [low, high] = domain(chart);
  const [left, right] = [LABEL + GAP, width - NUMBERS - GAP];
  return { low, high, x: (value) => left + ((value - low) / (high - low)) * (right - left) };
}

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, extra = ''): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${stroke}" ${extra}/>`;

const text = (x: number, y: number, content: string, fill: string, extra = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}" ${extra}>${escapeXml(content)}</text>`;

function axis(chart: ClassChart, scale: Scale, bottom: number, ink: Ink): string {
  const { metric } = chart;
  const unit = metric.unit && ` ${metric.unit}`;
  const marks = ticks(scale.low, scale.high, 6).map((tick) => {
    const label = metric.id === 'volumeError' ? `${Math.round(100 * tick)} %` : `${significant(tick, 6)}${unit}`;
    const strong = metric.id === 'volumeError' && tick === 0;
    return (
      line(scale.x(tick), TOP, scale.x(tick), bottom, strong ? ink.muted : ink.grid) +
      text(scale.x(tick), bottom + 16, label, ink.muted, 'text-anchor="middle" font-size="11"')
    );
  });
  const middle = (scale.x(scale.low) + scale.x(scale.high)) / 2;
  return marks.join('') + text(middle, bottom + 30, metric.label, ink.muted, 'text-anchor="middle" font-size="11"');
}

/** A box from the first to the third quartile with the median, where there are enough cases for it. */
function box(row: ScoreRow, y: number, scale: Scale, colour: string): string {
  if (row.points.length < 4) return '';
  const [q1, q2, q3] = quartiles(row.points.map(({ value }) => value)).map(scale.x) as [number, number, number];
  const rect = `<rect x="${q1.toFixed(1)}" y="${y - 8}" width="${Math.max(1, q3 - q1).toFixed(1)}" height="16" fill="${colour}" fill-opacity="0.28" stroke="${colour}"/>`;
  return rect + line(q2, y - 8, q2, y + 8, colour, 'stroke-width="2"');
}

function dots(row: ScoreRow, y: number, scale: Scale, colour: string, chart: ClassChart, ink: Ink): string {
  const { metric, caseNames } = chart;
  return row.points
    .map(({ value, case: at }, order) => {
      // Equal values lie beside each other, always in the same way.
      const shift = (((order * 3) % 5) - 2) * 1.8;
      const name = escapeXml(`${row.name}, ${caseNames[at]!}: ${metric.format(value)}`);
      const own = row.index === undefined ? '' : ` data-class="${escapeXml(String(row.index))}"`;
      return `<circle cx="${scale.x(value).toFixed(1)}" cy="${(y + shift).toFixed(1)}" r="3.5" fill="${colour}" stroke="${ink.background}" data-case="${at}"${own}><title>${name}</title></circle>`;
    })
    .join('');
}

/** The mean as a diamond on its 95 % interval. */
function meanMark({ summary }: ScoreRow, y: number, scale: Scale, ink: Ink): string {
  const { mean, low, high } = summary;
  if (mean === null) return '';
  const x = scale.x(mean);
  const interval =
    low !== null && high !== null
      ? line(scale.x(low), y, scale.x(high), y, ink.foreground, 'stroke-width="1.5"') +
        [low, high]
          .map((end) => line(scale.x(end), y - 4, scale.x(end), y + 4, ink.foreground, 'stroke-width="1.5"'))
          .join('')
      : '';
  const diamond = `M${x.toFixed(1)} ${y - 6}l5 6l-5 6l-5 -6z`;
  return `${interval}<path d="${diamond}" fill="${ink.background}" stroke="${ink.foreground}" stroke-width="1.5"/>`;
}

function numbers({ summary, points }: ScoreRow, y: number, right: number, metric: Metric, ink: Ink): string {
  const { mean, low, high } = summary;
  if (mean === null)
    return text(right, y + 4, points.length === 0 ? 'in no case' : '–', ink.muted, 'text-anchor="end"');
  const strong = text(right - 90, y + 4, metric.format(mean), ink.foreground, 'text-anchor="end" font-weight="600"');
  if (low === null || high === null) return strong;
  return (
    strong +
    text(right, y + 4, `${metric.format(low)}–${metric.format(high)}`, ink.muted, 'text-anchor="end" font-size="11"')
  );
}

/** Published figures as dashed lines through the row of the mean, numbered as in the legend below. */
function references(chart: ClassChart, y: number, scale: Scale, ink: Ink): string {
  return chart.references
    .map(({ value }, index) => {
      const x = scale.x(value);
      const number = text(x, y - 12, String(index + 1), ink.muted, 'text-anchor="middle" font-size="10"');
      return line(x, y - 10, x, y + 11, ink.muted, 'stroke-dasharray="3 2" stroke-width="1.5"') + number;
    })
    .join('');
}

/** The picture as SVG text: a row a class with its cases as points, box, mean and interval. */
export function classChartSvg(chart: ClassChart, width: number, ink: Ink, font: string): string {
  const { rows, metric } = chart;
  const scale = scaleFor(chart, width);
  const gapBefore = (index: number): number => (rows[index]!.index === undefined ? 12 : 0);
  const bottom = TOP + rows.length * ROW + (rows.length > 0 ? gapBefore(rows.length - 1) : 0);
  const drawn = rows.map((row, index) => {
    const y = TOP + (index + 0.5) * ROW + gapBefore(index);
    const colour = row.colour ?? ink.foreground;
    const swatch = row.colour ? `<rect x="0" y="${y - 5}" width="10" height="10" fill="${row.colour}"/>` : '';
    const last = index === rows.length - 1;
    return [
      swatch,
      text(16, y + 4, row.name, ink.foreground, row.colour ? '' : 'font-weight="600"'),
      box(row, y, scale, colour),
      dots(row, y, scale, colour, chart, ink),
      meanMark(row, y, scale, ink),
      last ? references(chart, y, scale, ink) : '',
      numbers(row, y, width, metric, ink),
    ].join('');
  });
  const height = bottom + AXIS;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="${escapeXml(font)}" font-size="12">${axis(chart, scale, bottom, ink)}${drawn.join('')}</svg>`
  );
}
