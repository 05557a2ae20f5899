import { writeFileAtomically } from '../files/atomic';
import { baseMetric, isValidationMetric } from '../protocol/metrics';
import { chartMetrics, type FilledChart } from './metricCharts';
import { readMetrics, type MetricsRecord } from './metrics';
import { readRunState, type RunState } from './runDirectory';
import { plotSvg, type PlotPanel, type PlotSeries } from './plot/svg';
import { runFiles } from './files';

function pointsOf(records: readonly MetricsRecord[], name: string): PlotSeries['points'] {
  return records.flatMap(({ step, [name]: value }) => (typeof value === 'number' ? [{ x: step, y: value }] : []));
}

/** In a chart of one metric its name is the title's: lines tell training and held-out cases apart. */
function labelOf(metric: string, { metrics }: FilledChart): string {
  const single = new Set(metrics.map(baseMetric)).size === 1 && metrics.some((own) => isValidationMetric(own));
  if (!single) return metric;
  return isValidationMetric(metric) ? 'validation' : 'training';
}

function panelOf(records: readonly MetricsRecord[], filled: FilledChart): PlotPanel {
  const { title, unit = '', atLeast, exact } = filled.chart;
  // Of several metrics the lines of training alone: with their validation there would be too many.
  const trained = filled.metrics.filter((metric) => !isValidationMetric(metric));
  const several = new Set(trained).size > 1;
  const series = (several ? trained : filled.metrics).map((metric) => ({
    label: labelOf(metric, filled),
    points: pointsOf(records, metric),
    marked: isValidationMetric(metric),
    ...(exact && { exact }),
  }));
  return { title, unit, series, ...(atLeast && { atLeast: [atLeast[0], atLeast[1]] as [number, number] }) };
}

function panels(kind: RunState['kind'], records: readonly MetricsRecord[]): PlotPanel[] {
  const names = new Set(
    records.flatMap((record) => Object.keys(record).filter((key) => typeof record[key] === 'number')),
  );
  names.delete('step');
  const plotted = chartMetrics([...names], kind).filter(({ chart }) => chart.plotted);
  return plotted.map((filled) => panelOf(records, filled));
}

/** The curves of a run as an SVG picture. */
export function runPlotSvg(state: RunState, records: readonly MetricsRecord[]): string {
  const device = state.device === undefined ? '' : ` · ${state.device}`;
  const subtitle = `${state.kind} · step ${state.step} of ${state.totalSteps} · ${state.state}${device}`;
  return plotSvg({ title: state.name, subtitle, xLabel: 'optimizer step', panels: panels(state.kind, records) });
}

/** Writes plot.svg into a run directory from its metrics; returns the file. */
export async function writeRunPlot(runDir: string): Promise<string> {
  const file = runFiles(runDir).plot;
  await writeFileAtomically(file, runPlotSvg(await readRunState(runDir), await readMetrics(runDir)));
  return file;
}
