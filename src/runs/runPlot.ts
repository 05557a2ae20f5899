import { writeFileAtomically } from '../files/atomic';
import { readMetrics, type MetricsRecord } from './metrics';
import { readRunState, runFiles, type RunState } from './runDirectory';
import { plotSvg, type PlotPanel, type PlotSeries } from './plot/svg';

/** Names of the metrics of pre-training in metrics.jsonl and TensorBoard; the parts of the loss have their own. */
export const METRIC = { loss: 'loss', accuracy: 'accuracy', learningRate: 'learningRate' } as const;

/** Stands before the name of what is measured on held-out volumes. */
export const VALIDATION_PREFIX = 'validation/';

/** Parts of the losses of all objectives. */
const LOSS_PARTS = ['prediction', 'positive', 'negative', 'intra', 'inter', 'regularizer'];

function seriesOf(records: readonly MetricsRecord[], name: string, label: string): PlotSeries[] {
  const points = records.flatMap(({ step, [name]: value }) =>
    typeof value === 'number' ? [{ x: step, y: value }] : [],
  );
  return points.length ? [{ label, points, marked: name.startsWith(VALIDATION_PREFIX) }] : [];
}

function withValidation(records: readonly MetricsRecord[], name: string): PlotSeries[] {
  return [...seriesOf(records, name, 'training'), ...seriesOf(records, VALIDATION_PREFIX + name, 'validation')];
}

function panels(records: readonly MetricsRecord[]): PlotPanel[] {
  const parts = LOSS_PARTS.flatMap((name) => seriesOf(records, name, name));
  const rate = seriesOf(records, METRIC.learningRate, 'lr');
  const all: PlotPanel[] = [
    { title: 'Loss', unit: '', series: withValidation(records, METRIC.loss) },
    { title: 'Parts of the loss', unit: '', series: parts },
    {
      title: 'Position accuracy, top 1',
      unit: 'share of random crops',
      series: withValidation(records, METRIC.accuracy),
      atLeast: [0, 1],
    },
    { title: 'Learning rate', unit: '', series: rate.map((series) => ({ ...series, exact: true })) },
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
