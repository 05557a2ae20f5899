import { writeFileAtomically } from '../files/atomic';
import { baseMetric, isValidationMetric } from '../protocol/metrics';
import { chartMetrics, type FilledChart } from './metricCharts';
import { RunCurves } from './runCurves';
import { readRunState, type RunState } from './runDirectory';
import { plotSvg, type PlotPanel, type PlotSeries } from './plot/svg';
import { runFiles } from './files';

type Curves = RunCurves['curves'];

/** In a chart of one metric its name is the title's: lines tell training and held-out cases apart. */
function labelOf(metric: string, { metrics }: FilledChart): string {
  const single = new Set(metrics.map(baseMetric)).size === 1 && metrics.some((own) => isValidationMetric(own));
  if (!single) return metric;
  return isValidationMetric(metric) ? 'validation' : 'training';
}

function panelOf(curves: Curves, filled: FilledChart): PlotPanel {
  const { title, unit = '', atLeast, exact } = filled.chart;
  // Of several metrics the lines of training alone: with their validation there would be too many.
  const trained = filled.metrics.filter((metric) => !isValidationMetric(metric));
  const several = new Set(trained).size > 1;
  const series = (several ? trained : filled.metrics).map((metric): PlotSeries => {
    const curve = curves.get(metric)!;
    const means = curve.means();
    return {
      label: labelOf(metric, filled),
      points: curve.points(),
      marked: isValidationMetric(metric),
      ...(means && { means }),
      ...(exact && { exact }),
    };
  });
  return { title, unit, series, ...(atLeast && { atLeast: [atLeast[0], atLeast[1]] as [number, number] }) };
}

function panels(kind: RunState['kind'], curves: Curves): PlotPanel[] {
  const plotted = chartMetrics([...curves.keys()], kind).filter(({ chart }) => chart.plotted);
  return plotted.map((filled) => panelOf(curves, filled));
}

/** The curves of a run as an SVG picture. */
function runPlotSvg(state: RunState, curves: Curves): string {
  const device = state.device === undefined ? '' : ` · ${state.device}`;
  const subtitle = `${state.kind} · step ${state.step} of ${state.totalSteps} · ${state.state}${device}`;
  return plotSvg({ title: state.name, subtitle, xLabel: 'optimizer step', panels: panels(state.kind, curves) });
}

/** Writes plot.svg into a run directory from its metrics; returns the file. @param curves what was read of them before */
export async function writeRunPlot(runDir: string, curves: RunCurves = new RunCurves(runDir)): Promise<string> {
  const file = runFiles(runDir).plot;
  await curves.update();
  await writeFileAtomically(file, runPlotSvg(await readRunState(runDir), curves.curves));
  await curves.keep();
  return file;
}
