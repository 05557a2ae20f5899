import type { CompareCurves, CompareState } from '../../src/protocol/compare';
import type { SeriesAnswer } from '../../src/protocol/curves';
import { Chart, type Line, type Pin } from '../curves/chart';
import { metricLabel } from '../ui/format';
import { button, checkbox, slider } from '../ui/controls';
import { element } from '../ui/dom';
import { runDash, type Theme } from '../ui/theme';
import { colourOf, letterOf } from './letters';
import type { CompareHost } from './task';

const READING_MS = 500;
/** Colours in a palette: the next metric of a checkpoint has the same colour with other dashes. */
const PALETTE = 8;

/** Curves of the runs that the checkpoints are from, over one another, with marks where the checkpoints were written. */
export class CurvesPart {
  readonly node = element('div', { class: 'curves-part' });
  private readonly grid = element('div', { class: 'charts' });
  private readonly message = element('div', { class: 'message', role: 'status' });
  private charts: Chart[] = [];
  private curves: CompareCurves = { runs: [], charts: [] };
  private answer: SeriesAnswer = { series: [], marks: [], reading: [] };
  private range: readonly [number, number] | undefined;
  private state: CompareState;
  private turn = 0;

  constructor(
    private readonly host: CompareHost,
    set: (change: Partial<CompareState>) => void,
    state: CompareState,
    private theme: Theme,
  ) {
    this.state = state;
    const format = (value: number): string => value.toFixed(2);
    const smoothing = slider(
      'Smoothing',
      { id: 'smoothing', min: 0, max: 0.99, step: 0.01, value: state.smoothing, format },
      (value) => set({ smoothing: value }),
    );
    const logarithmic = checkbox('Log axis', state.logarithmic, (on) => set({ logarithmic: on }), 'logarithmic');
    const reset = button('Reset zoom', () => this.zoom(undefined), { id: 'reset-zoom' });
    const open = button('Open in Loss Curves', () => void host.call('showCurves', null), {
      id: 'show-curves',
      title: 'All charts of these runs, with the table and export',
    });
    const bar = element(
      'div',
      { class: 'toolbar' },
      smoothing,
      logarithmic,
      reset,
      element('span', { class: 'spacer' }),
    );
    bar.append(open);
    this.node.append(bar, this.message, this.grid);
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(this.grid);
  }

  /** Other runs, or more of them. */
  async open(): Promise<void> {
    try {
      const curves = await this.host.call('curves', null);
      if (JSON.stringify(curves.charts) !== JSON.stringify(this.curves.charts)) {
        this.charts = curves.charts.map((one) => new Chart(one, this.theme, (range) => this.zoom(range)));
        this.grid.replaceChildren(...this.charts.map(({ node }) => node));
      }
      this.curves = curves;
      const none = curves.charts.length === 0 ? 'The runs of these checkpoints have no metrics here.' : '';
      this.message.textContent = none;
      await this.ask();
    } catch (error) {
      this.message.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  update(state: CompareState, theme: Theme): void {
    const asks = state.smoothing !== this.state.smoothing;
    const changed = asks || state.logarithmic !== this.state.logarithmic || state.files !== this.state.files;
    this.state = state;
    if (theme.kind !== this.theme.kind) {
      this.theme = theme;
      for (const chart of this.charts) chart.setTheme(theme);
      this.draw();
    }
    if (asks) void this.ask();
    else if (changed) this.draw();
  }

  private zoom(range: readonly [number, number] | undefined): void {
    this.range = range;
    void this.ask();
  }

  private async ask(): Promise<void> {
    const turn = (this.turn += 1);
    const { runs, charts } = this.curves;
    if (runs.length === 0) return;
    const answer = await this.host.call('series', {
      runs: runs.map(({ id }) => id),
      metrics: charts.flatMap(({ metrics }) => metrics),
      ...(this.range && { range: this.range }),
      points: Math.min(1200, Math.max(400, this.grid.clientWidth || 600)),
      smoothing: this.state.smoothing,
    });
    if (turn !== this.turn) return;
    this.answer = answer;
    this.draw();
    if (answer.reading.length > 0) setTimeout(() => turn === this.turn && void this.ask(), READING_MS);
    else if (this.node.dataset.reading === 'true') void this.open();
    this.node.dataset.reading = String(answer.reading.length > 0);
  }

  /** The checkpoints that a run has, by their positions: the first gives the run its colour. */
  private positionsOf(run: string): number[] {
    const own = this.curves.runs.find(({ id }) => id === run)?.checkpoints.map(({ file }) => file) ?? [];
    return this.state.files.flatMap((file, at) => (own.includes(file) ? [at] : []));
  }

  private linesOf(chart: Chart): Line[] {
    const { metrics, colours } = chart.description;
    return this.answer.series
      .filter(({ metric, steps }) => metrics.includes(metric) && steps.length > 0)
      .map((series) => {
        const positions = this.positionsOf(series.run);
        const at = positions[0] ?? 0;
        const letters = positions.map(letterOf).join(', ');
        const label = metrics.length > 1 ? `${letters} · ${metricLabel(series.metric)}` : letters;
        const own = colours?.[series.metric];
        const colour =
          own === undefined ? at + PALETTE * metrics.indexOf(series.metric) : { colour: own, dash: runDash(at) };
        return { series, label, colour };
      });
  }

  private pins(): Pin[] {
    const written = this.curves.runs.flatMap(({ checkpoints }) => checkpoints);
    return written.flatMap(({ file, step }) => {
      const at = this.state.files.indexOf(file);
      return step === undefined || at < 0 ? [] : [{ step, label: letterOf(at), colour: colourOf(at, this.theme.kind) }];
    });
  }

  private draw(): void {
    const { answer } = this;
    const range = this.range ?? answer.extent ?? [0, 1];
    const { logarithmic } = this.state;
    for (const chart of this.charts)
      chart.update({ lines: this.linesOf(chart), marks: answer.marks, range, logarithmic, pins: this.pins() });
    this.node.dataset.drawn = String(answer.series.length);
  }
}
