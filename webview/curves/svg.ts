import { escapeXml, ticks } from '../ui/svg';
import { formatWithUnit } from '../ui/format';
import { styleOf, valueBounds, type ChartContent, type Line } from './lines';
import { formatCount } from '../../src/text';

/** Size of one chart in the drawing, in CSS pixels. */
export const SVG_CHART = { width: 720, height: 300 } as const;
const BOX = { left: 70, top: 34, right: 700, bottom: 236 } as const;

/** Lines go on to the step before and after the range: what is outside of the axes is cut. */
export const SVG_DEFINITIONS =
  `<defs><clipPath id="plot"><rect x="${BOX.left}" y="${BOX.top}" ` +
  `width="${BOX.right - BOX.left}" height="${BOX.bottom - BOX.top}"/></clipPath></defs>`;

interface Content {
  readonly title: string;
  readonly unit: string;
  readonly content: ChartContent;
}

/** Powers of ten between two positive values. */
function decades(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const all = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 10 ** (first + i));
  return all.length > 0 ? all : [low, high];
}

function bounds(content: ChartContent): [number, number] {
  const [low, high] = valueBounds(content) ?? [0, 1];
  if (low === high) return content.logarithmic ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  return [low, high];
}

function path(line: Line, values: Float32Array, x: (step: number) => number, y: (value: number) => number): string {
  let pen = 'M';
  const parts: string[] = [];
  values.forEach((value, index) => {
    const at = y(value);
    if (!Number.isFinite(at)) {
      pen = 'M';
      return;
    }
    parts.push(`${pen}${x(line.series.steps[index]!).toFixed(1)} ${at.toFixed(1)}`);
    pen = 'L';
  });
  return parts.join('');
}

/** One chart as SVG elements: axes with ticks, lines, legend. */
export function chartSvg({ title, unit, content }: Content): string {
  const [from, to] = content.range;
  const [low, high] = bounds(content);
  const scale = content.logarithmic ? Math.log10 : (value: number) => value;
  const x = (step: number): number => BOX.left + ((step - from) / Math.max(1, to - from)) * (BOX.right - BOX.left);
  const y = (value: number): number =>
    BOX.bottom - ((scale(value) - scale(low)) / (scale(high) - scale(low))) * (BOX.bottom - BOX.top);
  const out = [
    `<text x="${BOX.left}" y="20" font-size="14" font-weight="600">${escapeXml(title)}${unit && unit !== 'bytes' ? ` (${escapeXml(unit)})` : ''}</text>`,
  ];
  for (const tick of content.logarithmic ? decades(low, high) : ticks(low, high, 5)) {
    const at = y(tick).toFixed(1);
    out.push(`<path d="M${BOX.left} ${at}H${BOX.right}" stroke="#ddd"/>`);
    out.push(
      `<text x="${BOX.left - 8}" y="${at}" dy="4" text-anchor="end" fill="#444">${formatWithUnit(tick, unit, 4)}</text>`,
    );
  }
  for (const tick of ticks(from, Math.max(to, from + 1), 7)) {
    out.push(
      `<text x="${x(tick).toFixed(1)}" y="${BOX.bottom + 18}" text-anchor="middle" fill="#444">${formatCount(tick)}</text>`,
    );
  }
  out.push(`<path d="M${BOX.left} ${BOX.top}V${BOX.bottom}H${BOX.right}" fill="none" stroke="#444"/>`);
  let legendAt = BOX.left;
  for (const line of content.lines) {
    const { colour, dash } = styleOf(line, 'light');
    const style = `fill="none" stroke="${colour}" stroke-dasharray="${dash.join(' ')}"`;
    const { values, smoothed } = line.series;
    if (smoothed)
      out.push(`<path clip-path="url(#plot)" d="${path(line, values, x, y)}" ${style} stroke-opacity=".3"/>`);
    out.push(`<path clip-path="url(#plot)" d="${path(line, smoothed ?? values, x, y)}" ${style} stroke-width="1.5"/>`);
    out.push(`<rect x="${legendAt}" y="266" width="14" height="3" fill="${colour}"/>`);
    out.push(`<text x="${legendAt + 20}" y="271">${escapeXml(line.label)}</text>`);
    legendAt += 44 + 7 * line.label.length;
  }
  return out.join('\n');
}
