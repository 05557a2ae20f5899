import uPlot from 'uplot';
import type { ChartDescription, RunMarks, Series } from '../../src/protocol/curves';
import { element } from '../ui/dom';
import { lineStyle, type LineStyle, type Theme } from '../ui/theme';
import { formatStep, formatWithUnit } from './format';

/** One line of a chart: a metric of a run. */
export interface Line {
  readonly series: Series;
  readonly label: string;
  /** Index in the palette, or a look of its own. */
  readonly colour: number | LineStyle;
}

/** How a line is drawn in a theme. */
export function styleOf({ colour }: Pick<Line, 'colour'>, kind: Theme['kind']): LineStyle {
  return typeof colour === 'number' ? lineStyle(colour, kind) : colour;
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
  readonly range: readonly [number, number];
  readonly logarithmic: boolean;
}

type ContentOfLegend = Pick<ChartContent, 'lines'>;

/** More lines than this have their legend folded. */
const MOST_UNFOLDED = 6;
const HEIGHT = 210;
const SYNC_KEY = 'steps';
const FAINT = '55';

type Points = (number | null)[];

function drawable(values: Float32Array, logarithmic: boolean): Points {
  return Array.from(values, (value) => (Number.isNaN(value) || (logarithmic && value <= 0) ? null : value));
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

/** A chart of one group of metrics, with a legend that shows the values under the cursor. */
export class Chart {
  readonly node: HTMLElement;
  private readonly plotArea = element('div', { class: 'plot' });
  private readonly legend = element('ul', { class: 'legend' });
  private readonly legendTitle = element('summary', { class: 'muted' });
  private readonly legendBox = element('details', { open: true }, this.legendTitle, this.legend);
  private plot: uPlot | undefined;
  private shape = '';
  private content: ChartContent | undefined;

  constructor(
    readonly description: ChartDescription,
    private theme: Theme,
    private readonly onZoom: (range: [number, number] | undefined) => void,
  ) {
    const unit =
      description.unit && description.unit !== 'bytes'
        ? element('span', { class: 'muted' }, ` (${description.unit})`)
        : undefined;
    const title = element('h2', {}, description.title, unit);
    this.node = element(
      'section',
      { class: 'chart', 'data-chart': description.id },
      title,
      this.plotArea,
      this.legendBox,
    );
    this.legendTitle.hidden = true;
  }

  update(content: ChartContent): void {
    this.content = content;
    const shape = JSON.stringify([
      content.logarithmic,
      this.theme.kind,
      content.lines.map((line) => [
        line.series.run,
        line.series.metric,
        line.colour,
        line.series.smoothed !== undefined,
      ]),
    ]);
    const data = this.aligned(content);
    if (this.plot && shape === this.shape) this.plot.setData(data, false);
    else this.rebuild(data, content);
    this.shape = shape;
    this.setScales(content);
    this.node.hidden = content.lines.length === 0;
    this.describe(content);
    this.foldLegend(content);
    this.showValues(undefined);
  }

  /** A legend of many lines is folded into one that tells of the lowest and the highest, until it is opened. */
  private foldLegend({ lines }: ContentOfLegend): void {
    const many = lines.length > MOST_UNFOLDED;
    if (many && this.legendTitle.hidden) this.legendBox.open = false;
    if (!many) this.legendBox.open = true;
    this.legendTitle.hidden = !many;
    const last = lines
      .map((line) => ({ line, value: valueAt(line.series, Infinity) ?? NaN }))
      .filter(({ value }) => !Number.isNaN(value))
      .sort((a, b) => a.value - b.value);
    const ends = [last[0], last.at(-1)].flatMap((one) =>
      one ? [`${one.line.label} ${formatWithUnit(one.value, this.description.unit, 3)}`] : [],
    );
    this.legendTitle.textContent = `${lines.length} lines, from ${ends.join(' to ')}`;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.shape = '';
    if (this.content) this.update(this.content);
  }

  resize(): void {
    const width = this.plotArea.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  /** What is drawn now, for the exported picture. */
  get picture(): { canvas: HTMLCanvasElement; content: ChartContent } | undefined {
    return this.plot && this.content ? { canvas: this.plot.ctx.canvas, content: this.content } : undefined;
  }

  private aligned(content: ChartContent): uPlot.AlignedData {
    const tables = content.lines.map(({ series }): uPlot.AlignedData => {
      const values = drawable(series.values, content.logarithmic);
      const steps = Array.from(series.steps);
      return series.smoothed ? [steps, values, drawable(series.smoothed, content.logarithmic)] : [steps, values];
    });
    if (tables.length === 0) return [[]];
    const retain = tables.map((table) => table.map(() => 1 as const));
    return uPlot.join(tables, retain);
  }

  private setScales(content: ChartContent): void {
    const [low, high] = content.range;
    this.plot?.setScale('x', { min: low, max: Math.max(high, low + 1) });
  }

  private rebuild(data: uPlot.AlignedData, content: ChartContent): void {
    this.plot?.destroy();
    const width = Math.max(200, this.plotArea.clientWidth);
    this.plot = new uPlot(this.options(content, width), data, this.plotArea);
  }

  private lineSeries(content: ChartContent): uPlot.Series[] {
    return content.lines.flatMap((line): uPlot.Series[] => {
      const { colour, dash } = styleOf(line, this.theme.kind);
      const strong = { label: line.label, stroke: colour, dash: [...dash], width: 1.5, points: { size: 4 } };
      if (!line.series.smoothed) return [strong];
      return [{ label: `${line.label}, raw`, stroke: `${colour}${FAINT}`, width: 1, points: { show: false } }, strong];
    });
  }

  private options(content: ChartContent, width: number): uPlot.Options {
    const { theme } = this;
    const axis = {
      stroke: theme.muted,
      font: `11px ${theme.fontFamily}`,
      grid: { stroke: theme.grid, width: 1 },
      ticks: { stroke: theme.grid, width: 1, size: 4 },
    };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      scales: { x: { time: false }, y: { distr: content.logarithmic ? 3 : 1 } },
      series: [{}, ...this.lineSeries(content)],
      axes: [
        {
          ...axis,
          size: 28,
          values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? formatStep(tick) : '')),
        },
        {
          ...axis,
          size: 58,
          values: (_, ticks) =>
            ticks.map((tick) => (tick === null ? '' : formatWithUnit(tick, this.description.unit, 4))),
        },
      ],
      cursor: {
        sync: { key: SYNC_KEY, setSeries: false },
        points: { size: 6 },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => (this.onZoom(undefined), null) },
      },
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.showValues(cursorStep(plot))],
        draw: [(plot) => this.drawMarks(plot)],
      },
    };
  }

  private selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = Math.max(0, Math.floor(plot.posToVal(left, 'x')));
    const to = Math.ceil(plot.posToVal(left + width, 'x'));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.onZoom([from, Math.max(to, from + 1)]);
  }

  private drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const vertical = (step: number, colour: string, dash: number[]): void => {
      const x = Math.round(plot.valToPos(step, 'x', true)) + 0.5;
      if (x < bbox.left || x > bbox.left + bbox.width) return;
      ctx.strokeStyle = colour;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    };
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    for (const marks of this.content?.marks ?? []) {
      for (const step of marks.resumed) vertical(step, this.theme.muted, [2, 4]);
      for (const step of marks.nonFinite) vertical(step, this.theme.error, []);
    }
    const pins = this.content?.pins ?? [];
    ctx.font = `600 ${11 * devicePixelRatio}px ${this.theme.fontFamily}`;
    ctx.textAlign = 'right';
    ctx.textBaseline = 'top';
    for (const step of new Set(pins.map((pin) => pin.step))) {
      const here = pins.filter((pin) => pin.step === step);
      const colour = here.length === 1 ? here[0]!.colour : this.theme.muted;
      vertical(step, colour, [6, 3]);
      ctx.fillStyle = colour;
      const text = here.map(({ label }) => label).join(', ');
      ctx.fillText(text, plot.valToPos(step, 'x', true) - 4 * devicePixelRatio, bbox.top + 2);
    }
    ctx.restore();
  }

  /** Fills the legend with the values at a step, or the last ones. */
  private showValues(step: number | undefined): void {
    const lines = this.content?.lines ?? [];
    const items = lines.map((line) => {
      const value = valueAt(line.series, step ?? Infinity);
      const swatch = lineSwatch(line.colour, this.theme.kind);
      const shown = value === undefined ? '–' : formatWithUnit(value, this.description.unit, 5);
      return element('li', {}, swatch, `${line.label} `, element('b', {}, shown));
    });
    const at = step === undefined ? undefined : element('li', { class: 'muted' }, `step ${formatStep(step)}`);
    this.legend.replaceChildren(...(at ? [at] : []), ...items);
  }

  private describe(content: ChartContent): void {
    const parts = content.lines.map((line) => {
      const last = line.series.steps.length - 1;
      if (last < 0) return `${line.label}: no values`;
      const value = formatWithUnit(line.series.values[last]!, this.description.unit, 4);
      return `${line.label}: ${value} at step ${line.series.steps[last]!}`;
    });
    this.plotArea.setAttribute('role', 'img');
    this.plotArea.setAttribute('aria-label', `${this.description.title}. ${parts.join('; ')}`);
  }
}

function cursorStep(plot: uPlot): number | undefined {
  const { left } = plot.cursor;
  if (left === undefined || left === null || left < 0) return undefined;
  return Math.max(0, Math.round(plot.posToVal(left, 'x')));
}
