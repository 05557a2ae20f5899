import { escapeXml } from '../../text';
import { formatNumber, linearScale, niceRange, type Scale } from './scale';
import { smooth, smoothWeighted, thin, type Point, type WeightedPoint } from './thin';

export interface PlotSeries {
  readonly label: string;
  /** In order of x. */
  readonly points: readonly Point[];
  /** Few points worth marking one by one, such as validations. */
  readonly marked?: boolean;
  /** Drawn as it is: the values have no noise to average away. */
  readonly exact?: boolean;
  /** Of a curve too long to be kept whole: means of its stretches, of which the moving average is drawn. */
  readonly means?: readonly WeightedPoint[];
  /** Half the length of each point's error bar, in units of y. */
  readonly bars?: readonly number[];
}

export interface PlotPanel {
  readonly title: string;
  /** Unit of the values; empty when they have none. */
  readonly unit: string;
  readonly series: readonly PlotSeries[];
  /** Range that the axis shows in any case. */
  readonly atLeast?: readonly [number, number];
}

export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  /** Marks of the x axis stand at whole numbers only; true when left out. */
  readonly xWhole?: boolean;
  readonly panels: readonly PlotPanel[];
}

const WIDTH = 960;
const PANEL = { height: 250, left: 74, right: 230, top: 34, bottom: 26 } as const;
const HEADER = 62;
const FOOTER = 34;
/** Okabe and Ito's colours, which stay distinct for colour-blind readers, darkened for lines on white. */
const COLOURS = ['#0072b2', '#d55e00', '#008060', '#b3538f', '#a67c00', '#2f8fc4', '#555555'];
/** Above this many points a line is drawn faint, with its moving average on top. */
const SMOOTH_FROM = 60;

function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function path(points: readonly Point[], x: Scale, y: Scale): string {
  let pen = 'M';
  const parts: string[] = [];
  for (const point of points) {
    if (!Number.isFinite(point.y)) {
      pen = 'M';
      continue;
    }
    parts.push(`${pen}${pixel(x.toPixel(point.x))} ${pixel(y.toPixel(point.y))}`);
    pen = 'L';
  }
  return parts.join('');
}

function extent(values: Iterable<number>): [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}

function seriesMarks(series: PlotSeries, colour: string, x: Scale, y: Scale, intervals: number): string[] {
  const line = (points: readonly Point[], style: string) =>
    `<path d="${path(points, x, y)}" fill="none" stroke="${colour}" stroke-linejoin="round" stroke-linecap="round" ${style}/>`;
  if (series.marked) {
    const dots = series.points
      .filter((point) => Number.isFinite(point.y))
      .map(
        (point) =>
          `<circle cx="${pixel(x.toPixel(point.x))}" cy="${pixel(y.toPixel(point.y))}" r="3" fill="${colour}"/>`,
      );
    const style = series.exact ? 'stroke-width="1.8"' : 'stroke-width="1.5" stroke-dasharray="5 3"';
    return [line(series.points, style), ...(dots.length <= 100 ? dots : [])];
  }
  if (series.exact || series.points.length < SMOOTH_FROM) {
    return [line(thin(series.points, intervals), 'stroke-width="1.8"')];
  }
  const { points, means } = series;
  const average = means
    ? smoothWeighted(means, Math.ceil(means.length / 60))
    : smooth(points, Math.ceil(points.length / 60));
  return [
    line(thin(points, intervals), 'stroke-width="1" stroke-opacity="0.28"'),
    line(thin(average, intervals), 'stroke-width="2"'),
  ];
}

/** Vertical lines with caps; one of no length is left out. */
function errorBars({ points, bars = [] }: PlotSeries, colour: string, x: Scale, y: Scale): string[] {
  return points.flatMap((point, i) => {
    const half = bars[i] ?? 0;
    if (!(half > 0) || !Number.isFinite(point.y)) return [];
    const [at, low, high] = [x.toPixel(point.x), y.toPixel(point.y - half), y.toPixel(point.y + half)].map(Number);
    const cap = (level: number): string => `M${pixel(at! - 5)} ${pixel(level)}h10`;
    const line = `M${pixel(at!)} ${pixel(low!)}V${pixel(high!)}`;
    return [`<path d="${line}${cap(low!)}${cap(high!)}" fill="none" stroke="${colour}" stroke-width="1.4"/>`];
  });
}

/** Both ends of every error bar, and the values of points that have none. */
function extremes({ points, bars = [] }: PlotSeries): number[] {
  return points.flatMap(({ y }, i) => [y - (bars[i] ?? 0), y + (bars[i] ?? 0)]);
}

/** Circles where a value was NaN or infinite, at the top of the panel. */
function badMarks(series: PlotSeries, x: Scale, top: number): string[] {
  const bad = series.points.filter(({ y }) => !Number.isFinite(y)).slice(0, 100);
  return bad.map(
    (point) =>
      `<path d="M${pixel(x.toPixel(point.x) - 4)} ${top + 3}h8l-4 7z" fill="#c00000"><title>not a number</title></path>`,
  );
}

function lastValue(series: PlotSeries): string {
  const last = [...series.points].reverse().find(({ y }) => Number.isFinite(y));
  return last ? formatNumber(last.y) : '–';
}

function legend(series: readonly PlotSeries[], top: number): string[] {
  const left = WIDTH - PANEL.right + 18;
  return series.map(({ label, marked, exact }, index) => {
    const at = top + 12 + index * 20;
    const colour = COLOURS[index % COLOURS.length]!;
    const dash = marked && !exact ? ' stroke-dasharray="5 3"' : '';
    return (
      `<path d="M${left} ${at}h22" stroke="${colour}" stroke-width="2.4"${dash}/>` +
      `<text x="${left + 30}" y="${at + 4}">${escapeXml(label)}</text>` +
      `<text x="${WIDTH - 16}" y="${at + 4}" text-anchor="end" class="value">${lastValue(series[index]!)}</text>`
    );
  });
}

function axes(x: Scale, y: Scale, top: number, bottom: number): string[] {
  const right = WIDTH - PANEL.right;
  const rows = y.ticks.map((tick) => {
    const at = pixel(y.toPixel(tick));
    const label = `<text x="${PANEL.left - 9}" y="${Number(at) + 4}" text-anchor="end" class="tick">${y.format(tick)}</text>`;
    return `<path d="M${PANEL.left} ${at}H${right}" class="grid"/>${label}`;
  });
  const columns = x.ticks.map((tick) => {
    const at = pixel(x.toPixel(tick));
    const label = `<text x="${at}" y="${bottom + 18}" text-anchor="middle" class="tick">${x.format(tick)}</text>`;
    return `<path d="M${at} ${top}V${bottom}" class="grid"/>${label}`;
  });
  return [...rows, ...columns, `<path d="M${PANEL.left} ${top}V${bottom}H${right}" class="axis"/>`];
}

function drawPanel(panel: PlotPanel, index: number, xRange: readonly [number, number], xWhole: boolean): string {
  const top = HEADER + index * PANEL.height + PANEL.top;
  const bottom = HEADER + (index + 1) * PANEL.height - PANEL.bottom;
  const values = panel.series.flatMap((series) => extent(extremes(series)) ?? []);
  const [low, high] = extent([...values, ...(panel.atLeast ?? [])]) ?? [0, 1];
  const x = linearScale(xRange, [PANEL.left, WIDTH - PANEL.right], 7, xWhole);
  const y = linearScale(niceRange(low, high, 5), [bottom, top], 5);
  const intervals = Math.round((WIDTH - PANEL.left - PANEL.right) / 1.5);
  const unit = panel.unit === '' ? '' : ` <tspan class="unit">(${escapeXml(panel.unit)})</tspan>`;
  const lines = panel.series.flatMap((series, i) => [
    ...seriesMarks(series, COLOURS[i % COLOURS.length]!, x, y, intervals),
    ...errorBars(series, COLOURS[i % COLOURS.length]!, x, y),
    ...badMarks(series, x, top),
  ]);
  return [
    `<text x="${PANEL.left}" y="${top - 12}" class="panel">${escapeXml(panel.title)}${unit}</text>`,
    ...axes(x, y, top, bottom),
    ...lines,
    ...legend(panel.series, top),
  ].join('\n');
}

const STYLE = `
text { font: 12.5px "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: #333; }
.title { font-size: 18px; font-weight: 600; fill: #111; }
.subtitle, .tick, .unit { fill: #666; font-size: 12px; font-weight: 400; }
.panel { font-size: 14px; font-weight: 600; fill: #222; }
.value { font-variant-numeric: tabular-nums; fill: #555; }
.grid { stroke: #e6e6e6; stroke-width: 1; fill: none; }
.axis { stroke: #8a8a8a; stroke-width: 1; fill: none; }`;

/** Draws panels of curves over a common axis, one below the other, as the text of an SVG picture on white. */
export function plotSvg(plot: Plot): string {
  const height = HEADER + plot.panels.length * PANEL.height + FOOTER;
  const steps = plot.panels.flatMap(({ series }) =>
    series.flatMap(({ points }) => [points[0]?.x ?? NaN, points.at(-1)?.x ?? NaN]),
  );
  const [first, last] = extent(steps) ?? [0, 1];
  const xRange: [number, number] =
    first === last ? [first - 1, last + 1] : [Math.min(first, 1) === 1 ? 0 : first, last];
  const middle = (PANEL.left + WIDTH - PANEL.right) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeXml(plot.title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${PANEL.left}" y="30" class="title">${escapeXml(plot.title)}</text>`,
    `<text x="${PANEL.left}" y="50" class="subtitle">${escapeXml(plot.subtitle)}</text>`,
    ...plot.panels.map((panel, index) => drawPanel(panel, index, xRange, plot.xWhole ?? true)),
    `<text x="${middle}" y="${height - 14}" text-anchor="middle" class="subtitle">${escapeXml(plot.xLabel)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}
