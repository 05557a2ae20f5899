import type { RunMarks, Series } from '../../src/protocol/curves';
import { element } from '../ui/dom';
import { lineStyle, type LineStyle, type Theme } from '../ui/theme';

/** One line of a chart: a metric of a run. */
export interface Line {
  readonly series: Series;
  readonly label: string;
  /** Index in the palette, or a look of its own. */
  readonly colour: number | LineStyle;
}

/** A step that is marked with a letter. */
export interface Pin {
  readonly step: number;
  readonly label: string;
  readonly colour: string;
}

export interface ChartContent {
  readonly lines: readonly Line[];
  readonly marks: readonly RunMarks[];
  readonly pins?: readonly Pin[];
  /** Steps to show, both ends included. */
  readonly range: readonly [number, number];
  readonly logarithmic: boolean;
}

/** How a line is drawn in a theme. */
export function styleOf({ colour }: Pick<Line, 'colour'>, kind: Theme['kind']): LineStyle {
  return typeof colour === 'number' ? lineStyle(colour, kind) : colour;
}

/** Index of the last step that is at most `step`, or -1. */
function lastAtMost(steps: Float64Array, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[middle]! <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The value of a line at a step, smoothed when the line is. */
export function valueAt(series: Series, step: number): number | undefined {
  const index = lastAtMost(series.steps, step);
  return index < 0 ? undefined : (series.smoothed ?? series.values)[index];
}

/** A short piece of a line, for legends. */
export function lineSwatch(look: Line['colour'], kind: Theme['kind']): HTMLElement {
  const { colour, dash } = styleOf({ colour: look }, kind);
  const swatch = element('span', { class: 'swatch' });
  swatch.style.borderTopColor = colour;
  swatch.style.borderTopStyle = dash.length === 0 ? 'solid' : dash[0]! > 4 ? 'dashed' : 'dotted';
  return swatch;
}

/** Lowest and highest value of the steps in range that can be drawn; undefined when there is none. */
export function valueBounds({ lines, range, logarithmic }: ChartContent): [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const { series } of lines) {
    const { steps, values } = series;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const drawable = Number.isFinite(value) && !(logarithmic && value <= 0);
      if (!drawable || steps[i]! < range[0] || steps[i]! > range[1]) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low > high ? undefined : [low, high];
}

/** Where steps and values lie in a picture, in its pixels. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly steps: readonly [number, number];
  readonly values: readonly [number, number];
  readonly logarithmic: boolean;
}

/** Vertical place of a value; NaN for one that cannot be shown. */
export function placeOf(value: number, { top, height, values, logarithmic }: Frame): number {
  const scale = logarithmic ? Math.log10 : Number;
  const [low, high] = [scale(values[0]), scale(values[1])];
  return top + height * (1 - (scale(value) - low) / (high - low));
}

/** Draws a series as a path that breaks at values that cannot be shown; a lone value between two breaks is a dot. */
function trace(context: CanvasRenderingContext2D, { steps }: Series, values: Float32Array, frame: Frame): void {
  const perStep = frame.width / (frame.steps[1] - frame.steps[0]);
  const shown = (index: number): boolean => Number.isFinite(placeOf(values[index] ?? NaN, frame));
  context.beginPath();
  let drawing = false;
  for (let i = 0; i < values.length; i++) {
    const y = placeOf(values[i]!, frame);
    if (!Number.isFinite(y)) {
      drawing = false;
      continue;
    }
    const x = frame.left + (steps[i]! - frame.steps[0]) * perStep;
    if (drawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    if (!drawing && !shown(i + 1)) context.lineTo(x + context.lineWidth, y);
    drawing = true;
  }
  context.stroke();
}

/** Opacity of measured values behind their moving average. */
const FAINT = '55';

/** Draws the lines: measured values faint where there is an average of them. Nothing outside of the frame is touched. */
export function drawLines(
  context: CanvasRenderingContext2D,
  lines: readonly Line[],
  frame: Frame,
  look: { readonly kind: Theme['kind']; readonly pixelRatio: number },
): void {
  context.save();
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
  context.lineJoin = 'round';
  const averaged = lines.filter(({ series }) => series.smoothed);
  for (const line of averaged) {
    context.strokeStyle = `${styleOf(line, look.kind).colour}${FAINT}`;
    context.lineWidth = look.pixelRatio;
    trace(context, line.series, line.series.values, frame);
  }
  for (const line of lines) {
    const { colour, dash } = styleOf(line, look.kind);
    context.strokeStyle = colour;
    context.lineWidth = 1.5 * look.pixelRatio;
    context.setLineDash(dash.map((length) => length * look.pixelRatio));
    trace(context, line.series, line.series.smoothed ?? line.series.values, frame);
  }
  context.restore();
}
