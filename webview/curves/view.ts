import type { ChartDescription, CurveRun, CurvesContract, CurvesState, SeriesAnswer } from '../../src/protocol/curves';
import { button, checkbox, slider, tabs } from '../ui/controls';
import { element } from '../ui/dom';
import { HostError, type Host } from '../ui/host';
import { currentTheme, onThemeChange, runDash, type Theme } from '../ui/theme';
import { Chart } from './chart';
import { chartsAsPng, chartsAsSvg } from './export';
import { metricLabel } from '../ui/format';
import { lineSwatch, type ChartContent, type Line } from './lines';
import { explainMarks } from './marks';
import { Paced } from './paced';
import { fillTable } from './table';
import { counted } from '../../src/text';

const DEFAULT_STATE: CurvesState = { runs: [], smoothing: 0.9, logarithmic: false, view: 'charts' };
const TABLE_ROWS = 100;
const MOST_POINTS = 1600;
const MANY_RUNS = 3;
const SLOW_MS = 1000;
/** While long files are read, the charts grow so often. */
const READING_MS = 500;

/** The panel: toolbar, choice of runs, charts or table. It owns the state and asks the host for what it shows. */
export class CurvesView {
  private state: CurvesState;
  private theme: Theme = currentTheme();
  private runs: readonly CurveRun[] = [];
  private descriptions: readonly ChartDescription[] = [];
  private charts: Chart[] = [];
  private answer: SeriesAnswer = { series: [], marks: [], reading: [] };
  private asking = false;
  private askAgain = false;
  private opened = false;
  private readonly paced = new Paced();

  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly runList = element('div', { class: 'runs', role: 'group', 'aria-label': 'Runs to show' });
  private readonly marks = element('ul', { class: 'marks muted', 'aria-label': 'Marks in the charts' });
  private readonly chartGrid = element('div', { class: 'charts' });
  private readonly table = element('table', {});
  private readonly from = element('input', { type: 'number', min: 0, id: 'from', 'aria-label': 'First step' });
  private readonly to = element('input', { type: 'number', min: 0, id: 'to', 'aria-label': 'Last step' });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CurvesContract, CurvesState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState };
    this.build();
    onThemeChange((theme) => this.setTheme(theme));
    new ResizeObserver(() => this.resized()).observe(this.chartGrid);
  }

  /** Asks what runs there are, and shows `show`, or those shown before. */
  async open(show?: readonly string[]): Promise<void> {
    try {
      const wanted = show ?? this.state.runs;
      const slow = setTimeout(() => this.say('Reading the metrics…'), SLOW_MS);
      const answer = await this.host.call('open', { runs: wanted }).finally(() => clearTimeout(slow));
      this.opened = true;
      this.runs = answer.runs;
      this.setState({ runs: answer.shown });
      this.setCharts(answer.charts);
      this.listRuns();
      await this.ask();
    } catch (error) {
      this.say(error);
    }
  }

  /** The series of these runs have grown. */
  refresh(runs: readonly string[]): void {
    if (this.opened && runs.some((run) => this.state.runs.includes(run))) void this.open();
  }

  private setState(change: Partial<CurvesState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
  }

  private build(): void {
    const { state } = this;
    const smoothing = slider(
      'Smoothing',
      { id: 'smoothing', min: 0, max: 0.99, step: 0.01, value: state.smoothing, format: (value) => value.toFixed(2) },
      (value) => {
        this.setState({ smoothing: value });
        void this.ask();
      },
    );
    const logarithmic = checkbox(
      'Log axis',
      state.logarithmic,
      (checked) => {
        this.setState({ logarithmic: checked });
        this.draw();
      },
      'logarithmic',
    );
    for (const input of [this.from, this.to]) input.addEventListener('change', () => this.typedRange());
    const range = element('span', { class: 'field' }, 'Steps', this.from, '–', this.to);
    const toolbar = element(
      'div',
      { class: 'toolbar' },
      smoothing,
      logarithmic,
      range,
      button('Reset zoom', () => this.zoom(undefined), { id: 'reset-zoom' }),
      element('span', { class: 'spacer' }),
      element(
        'span',
        { class: 'group', role: 'group', 'aria-label': 'Save as' },
        button('PNG', () => void this.export('png'), { id: 'export-png', title: 'Save the charts as a PNG picture' }),
        button('SVG', () => void this.export('svg'), { id: 'export-svg', title: 'Save the charts as an SVG drawing' }),
        button('CSV', () => void this.export('csv'), { id: 'export-csv', title: 'Save all values as a CSV table' }),
      ),
    );
    const content = tabs(
      [
        { id: 'charts', label: 'Charts', content: this.chartGrid },
        { id: 'table', label: 'Table', content: element('div', { class: 'table' }, this.table) },
      ],
      state.view,
      (view) => {
        this.setState({ view: view === 'table' ? 'table' : 'charts' });
        void this.ask();
      },
    );
    this.app.append(element('header', {}, toolbar, this.runList, this.marks, this.message), content);
  }

  private listRuns(): void {
    const items = this.runs.map((run) => {
      const swatch = lineSwatch(run.colour, this.theme.kind);
      const label = element('span', {}, swatch, run.name, element('span', { class: 'muted' }, ` ${run.state}`));
      return checkbox(label, this.state.runs.includes(run.id), (checked) => {
        const others = this.state.runs.filter((id) => id !== run.id);
        void this.open(checked ? [...others, run.id] : others);
      });
    });
    const shape = JSON.stringify([this.runs, this.state.runs, this.theme.kind]);
    if (this.runList.dataset.shape !== shape) this.runList.replaceChildren(...items);
    this.runList.dataset.shape = shape;
    this.runList.hidden = this.runs.length < 2;
    this.app.classList.toggle('empty', this.runs.length === 0);
    if (this.runs.length === 0) this.say('No run has written metrics yet. Start one with “VoCo: Pre-train”.');
    else if (this.state.runs.length === 0) this.say('Choose at least one run above.');
    else this.say(undefined);
  }

  private setCharts(descriptions: readonly ChartDescription[]): void {
    if (JSON.stringify(descriptions) === JSON.stringify(this.descriptions)) return;
    this.descriptions = descriptions;
    this.charts = descriptions.map((one) => new Chart(one, this.theme, (range) => this.zoom(range)));
    this.chartGrid.replaceChildren(...this.charts.map((chart) => chart.node));
  }

  /** Asks for the series; while an answer is awaited, further wishes become one more question. */
  private async ask(): Promise<void> {
    if (this.asking) {
      this.askAgain = true;
      return;
    }
    this.asking = true;
    try {
      do {
        this.askAgain = false;
        const { runs, range, smoothing, view } = this.state;
        this.answer = await this.host.call('series', {
          runs,
          metrics: this.descriptions.flatMap((chart) => chart.metrics),
          range,
          points: view === 'table' ? TABLE_ROWS : this.pointsWanted(),
          smoothing: view === 'table' ? 0 : smoothing,
        });
        this.draw();
      } while (this.askAgain);
      this.followReading();
    } catch (error) {
      this.say(error);
    } finally {
      this.asking = false;
    }
  }

  /** Asks again while the host still reads; at the end also for the charts, since metrics may have appeared on the way. */
  private followReading(): void {
    const { reading } = this.answer;
    const was = this.app.dataset.reading === 'true';
    const is = reading.length > 0;
    this.app.dataset.reading = String(is);
    if (is) {
      const { length } = this.state.runs;
      this.say(`Reading the metrics… ${length - reading.length} of ${counted(length, 'run')} complete`);
      setTimeout(() => void this.ask(), READING_MS);
    } else if (was) void this.open();
  }

  private range(): [number, number] {
    return [...(this.state.range ?? this.answer.extent ?? [0, 1])] as [number, number];
  }

  private linesOf(chart: ChartDescription): Line[] {
    const several = this.state.runs.length > 1;
    return this.answer.series
      .filter((series) => chart.metrics.includes(series.metric) && series.steps.length > 0)
      .map((series) => {
        const run = this.runs.find((one) => one.id === series.run);
        const index = chart.metrics.indexOf(series.metric);
        const names = [
          ...(several ? [run?.name ?? series.run] : []),
          ...(chart.metrics.length > 1 || !several ? [metricLabel(series.metric)] : []),
        ];
        const own = chart.colours?.[series.metric];
        // A class keeps its colour; runs are then told apart by their dashes.
        const look = own !== undefined && { colour: own, dash: runDash(this.state.runs.indexOf(series.run)) };
        const colour = look || (run?.colour ?? 0) + (several ? 8 * index : index);
        return { series, label: names.join(' · '), colour };
      });
  }

  private draw(): void {
    const { logarithmic, view } = this.state;
    const range = this.range();
    if (document.activeElement !== this.from) this.from.value = String(range[0]);
    if (document.activeElement !== this.to) this.to.value = String(range[1]);
    this.marks.replaceChildren(...explainMarks(this.answer.marks, range));
    if (view === 'table') {
      fillTable(
        this.table,
        this.descriptions.flatMap((chart) => this.linesOf(chart)),
      );
      return;
    }
    const { answer } = this;
    const jobs = this.inSightFirst().map((chart) => () => {
      const lines = this.linesOf(chart.description);
      chart.update({ lines, marks: answer.marks, range, logarithmic } satisfies ChartContent);
    });
    this.paced.start(jobs, () => {
      this.app.dataset.drawn = String(Math.max(0, ...answer.series.map((series) => series.steps.at(-1) ?? 0)));
    });
  }

  private inSightFirst(): Chart[] {
    const inSight = (chart: Chart): boolean => {
      const { top, bottom } = chart.node.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    };
    const first = this.charts.filter(inSight);
    return [...first, ...this.charts.filter((chart) => !first.includes(chart))];
  }

  /** Points wanted a series: two a pixel of a chart, one where many lines lie over one another. */
  private pointsWanted(): number {
    const width = Math.max(0, ...this.charts.map((chart) => chart.node.clientWidth)) || 500;
    const aPixel = this.state.runs.length > MANY_RUNS ? 1 : 2;
    return Math.min(MOST_POINTS, Math.max(400, Math.round(width * aPixel)));
  }

  private zoom(range: [number, number] | undefined): void {
    this.setState({ range });
    void this.ask();
  }

  private typedRange(): void {
    const low = Math.max(0, Math.round(Number(this.from.value)));
    const high = Math.round(Number(this.to.value));
    if (high > low) this.zoom([low, high]);
    else this.say('The last step must be greater than the first.');
  }

  private setTheme(theme: Theme): void {
    this.theme = theme;
    this.listRuns();
    for (const chart of this.charts) chart.setTheme(theme);
  }

  private resized(): void {
    for (const chart of this.charts) chart.resize();
  }

  private async export(format: 'png' | 'svg' | 'csv'): Promise<void> {
    try {
      this.paced.finish();
      await Promise.resolve();
      const charts = this.charts.filter((chart) => !chart.node.hidden);
      const content =
        format === 'csv' ? undefined : await (format === 'png' ? chartsAsPng : chartsAsSvg)(charts, this.theme);
      const metrics = this.descriptions.flatMap((chart) => chart.metrics);
      // The host shows a dialog: the user may take any time to answer it.
      await this.host.call('export', { format, content, runs: this.state.runs, metrics }, 3_600_000);
    } catch (error) {
      this.say(error);
    }
  }

  private say(what: unknown): void {
    this.message.classList.toggle('error', what instanceof Error);
    if (what instanceof HostError || typeof what === 'string')
      this.message.textContent = what instanceof Error ? what.message : what;
    else this.message.textContent = what === undefined ? '' : `Internal error: ${String(what)}`;
  }
}
