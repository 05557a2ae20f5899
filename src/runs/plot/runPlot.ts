import { writeFileAtomically } from '../../files/atomic';
import { readMetrics, type MetricsRecord } from '../metricsLog';
import { readRunState, runFiles, type RunState } from '../runDirectory';
import { plotSvg, type PlotPanel, type PlotSeries } from './svg';

/**
 * Names of the metrics of pre-training, in metrics.jsonl and TensorBoard. Parts of the loss are `loss/<part>`; everything
 * measured on held-out volumes has `validation/` before it.
 */
export const METRIC = {
  loss: 'loss',
  accuracy: 'position/top1',
  lr: 'lr',
  baseSimilarity: 'collapse/base-similarity',
  featureStd: 'collapse/feature-std',
  cropsPerSecond: 'crops-per-second',
  memory: 'memory-bytes',
} as const;

export const VALIDATION_PREFIX = 'validation/';

function seriesOf(records: readonly MetricsRecord[], name: string, label: string): PlotSeries[] {
  const points = records.flatMap(({ step, [name]: value }) =>
    typeof value === 'number' ? [{ x: step, y: value }] : [],
  );
  return points.length ? [{ label, points, marked: name.startsWith(VALIDATION_PREFIX) }] : [];
}

function withValidation(records: readonly MetricsRecord[], name: string, label: string): PlotSeries[] {
  const held = seriesOf(records, VALIDATION_PREFIX + name, `${label}, validation`);
  return [...seriesOf(records, name, label), ...held];
}

function panels(records: readonly MetricsRecord[]): PlotPanel[] {
  const names = [...new Set(records.slice(0, 1000).flatMap((record) => Object.keys(record)))];
  const parts = names.filter((name) => name.startsWith('loss/')).map((name) => seriesOf(records, name, name.slice(5)));
  const all: PlotPanel[] = [
    { title: 'Loss', unit: '', series: withValidation(records, METRIC.loss, 'total') },
    { title: 'Parts of the loss', unit: '', series: parts.flat() },
    {
      title: 'Position accuracy, top 1',
      unit: 'share of random crops',
      series: withValidation(records, METRIC.accuracy, 'training'),
      atLeast: [0, 1],
    },
    { title: 'Learning rate', unit: '', series: seriesOf(records, METRIC.lr, 'lr') },
  ];
  return all.filter(({ series }) => series.length > 0);
}

/** The curves of a run as an SVG picture. */
export function runPlotSvg(state: RunState, records: readonly MetricsRecord[]): string {
  const device = state.device === undefined ? '' : ` · ${state.device}`;
  const subtitle = `${state.kind} · step ${state.step} of ${state.totalSteps} · ${state.state}${device}`;
  return plotSvg({ title: state.name, subtitle, xLabel: 'optimizer step', panels: panels(records) });
}

/** Writes plot.svg into a run directory from its metrics; returns the file. */
export async function writeRunPlot(runDir: string): Promise<string> {
  const file = runFiles(runDir).plot;
  await writeFileAtomically(file, runPlotSvg(await readRunState(runDir), await readMetrics(runDir)));
  return file;
}
