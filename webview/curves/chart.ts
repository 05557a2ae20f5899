import uPlot from 'uplot';
import type { ChartDescription } from '../../src/protocol/curves';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import './chart.css';
import { formatWithUnit } from '../ui/format';
import {
  drawLines,
  lineSwatch,
  placeOf,
  styleOf,
  valueAt,
  valueBounds,
  type ChartContent,
  type Frame,
  type Line,
} from './lines';
import { formatCount } from '../../src/text';

export type { Line, Pin } from './lines';

type ContentOfLegend = Pick<ChartContent, 'lines'>;

/** More lines than this have their legend folded, and no points under the cursor. */
const MOST_UNFOLDED = 6;
const HEIGHT = 210;
/** A run that has just begun may start there. */
const LEAST_VALUES = 20;
const SYNC_KEY = 'steps';

/** A chart of one group of metrics, with a legend that shows the values under the cursor. */
export class Chart {
  readonly node: HTMLElement;
  private readonly plotArea = element('div', { class: 'plot' });
  private readonly legend = element('ul', { class: 'legend' });
  private readonly warning = element('p', { class: 'warning', role: 'status' });
  private readonly legendTitle = element('summary', { class: 'muted' });
  private readonly legendBox = element('details', { open: true }, this.legendTitle, this.legend);
  private readonly legendStep = element('li', { class: 'muted' });
  /** Where the legend shows the value of each line, and what stands there. */
  private legendValues: HTMLElement[] = [];
  private points: HTMLElement[] = [];
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
      this.warning,
      this.plotArea,
      this.legendBox,
    );
    this.legendTitle.hidden = true;
    this.legendBox.addEventListener('toggle', () => this.showValues(this.plot && cursorStep(this.plot)));
  }

  update(content: ChartContent): void {
    this.content = content;
    this.node.hidden = content.lines.length === 0;
    this.warn(content.lines);
    this.buildLegend(content);
    const shape = `${content.logarithmic} ${this.theme.kind}`;
    if (!this.plot || shape !== this.shape) this.rebuild(content);
    this.shape = shape;
    const [low, high] = content.range;
    // The lines are drawn from the series themselves, since each run has steps of its own; the plot has the axes.
    this.plot?.setData(
      [
        [low, high],
        [null, null],
      ],
      false,
    );
    this.plot?.setScale('x', { min: low, max: Math.max(high, low + 1) });
    this.describe(content);
    this.foldLegend(content);
    if (this.plot) this.followCursor(this.plot);
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

  private rebuild(content: ChartContent): void {
    this.plot?.destroy();
    const width = Math.max(200, this.plotArea.clientWidth);
    this.plot = new uPlot(this.options(content, width), [[...content.range], [null, null]], this.plotArea);
    this.points = [];
  }

  /** Range of the axis of values: that of the values in sight, with a little room. */
  private valueRange(): [number, number] {
    const logarithmic = this.content?.logarithmic ?? false;
    const [low, high] = (this.content && valueBounds(this.content)) ?? (logarithmic ? [0.1, 1] : [0, 1]);
    const range = logarithmic ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.1, true);
    return [range[0] ?? 0, range[1] ?? 1];
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
      scales: { x: { time: false }, y: { distr: content.logarithmic ? 3 : 1, range: () => this.valueRange() } },
      series: [{}, { show: true, points: { show: false } }],
      axes: [
        {
          ...axis,
          size: 28,
          values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? formatCount(tick) : '')),
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
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => (this.onZoom(undefined), null) },
      },
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.followCursor(plot)],
        draw: [(plot) => this.draw(plot)],
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

  private frameOf(plot: uPlot): Frame | undefined {
    const { x, y } = plot.scales;
    const limits = [x?.min, x?.max, y?.min, y?.max];
    if (!limits.every((limit): limit is number => typeof limit === 'number')) return undefined;
    const [from, to, low, high] = limits as [number, number, number, number];
    const logarithmic = this.content?.logarithmic ?? false;
    return { ...plot.bbox, steps: [from, to], values: [low, high], logarithmic };
  }

  private draw(plot: uPlot): void {
    const frame = this.frameOf(plot);
    const lines = this.content?.lines ?? [];
    const look = { kind: this.theme.kind, pixelRatio: devicePixelRatio };
    if (frame) drawLines(plot.ctx, lines, frame, look);
    this.drawMarks(plot);
  }

  private followCursor(plot: uPlot): void {
    const step = cursorStep(plot);
    this.showValues(step);
    this.showPoints(plot, step);
  }

  /** Puts a point on each line under the cursor, while the lines are few. */
  private showPoints(plot: uPlot, step: number | undefined): void {
    const lines = this.content?.lines ?? [];
    const frame = this.frameOf(plot);
    const wanted = step === undefined || !frame || lines.length > MOST_UNFOLDED ? [] : lines;
    while (this.points.length < wanted.length) {
      const point = element('div', { class: 'point' });
      this.points.push(point);
      plot.over.append(point);
    }
    this.points.forEach((point, index) => {
      const line = wanted[index];
      const y = line && frame ? placeOf(valueAt(line.series, step!) ?? NaN, frame) - frame.top : NaN;
      point.hidden = !Number.isFinite(y);
      if (point.hidden) return;
      point.style.transform = `translate(${plot.cursor.left ?? 0}px, ${y / devicePixelRatio}px)`;
      point.style.background = styleOf(line!, this.theme.kind).colour;
    });
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

  private buildLegend({ lines }: ContentOfLegend): void {
    this.legendValues = lines.map(() => element('b', {}));
    const items = lines.map((line, index) =>
      element('li', {}, lineSwatch(line.colour, this.theme.kind), `${line.label} `, this.legendValues[index]),
    );
    this.legend.replaceChildren(...items);
  }

  /** Fills the legend with the values at a step, or the last ones. Only texts change: the cursor moves in every frame. */
  private showValues(step: number | undefined): void {
    if (step === undefined) this.legendStep.remove();
    else setText(this.legendStep, `step ${formatCount(step)}`);
    if (step !== undefined && !this.legendStep.isConnected) this.legend.prepend(this.legendStep);
    if (!this.legendBox.open) return;
    (this.content?.lines ?? []).forEach((line, index) => {
      const value = valueAt(line.series, step ?? Infinity);
      const shown = value === undefined ? '–' : formatWithUnit(value, this.description.unit, 5);
      setText(this.legendValues[index]!, shown);
    });
  }

  /** Tells the runs whose values end where the run learns nothing more. */
  private warn(lines: readonly Line[]): void {
    const { warning } = this.description;
    const ended = lines.filter(
      ({ series: { metric, values } }) =>
        metric === warning?.metric &&
        values.length >= LEAST_VALUES &&
        values.slice(-2).every((value) => value < warning.below),
    );
    const names = lines.some(({ series }) => series.run !== lines[0]!.series.run)
      ? ended.map(({ label }) => label)
      : [];
    this.warning.hidden = ended.length === 0;
    setText(this.warning, ended.length === 0 ? '' : [...names, warning!.text].join(': '));
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

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

function cursorStep(plot: uPlot): number | undefined {
  const { left } = plot.cursor;
  if (left === undefined || left === null || left < 0) return undefined;
  return Math.max(0, Math.round(plot.posToVal(left, 'x')));
}
