import { downstreamDescriptors } from '../downstream/descriptors';
import { pretextDescriptors } from '../pretext/descriptors';
import { baseMetric, isValidationMetric, RATE_METRICS } from '../protocol/metrics';
import type { MetricChart, TaskDescriptor } from '../tasks/descriptor';
import type { RunKind } from './runDirectory';

/** What every training records, before and after what its task adds. */
const BEFORE: readonly MetricChart[] = [{ id: 'loss', title: 'Loss', metrics: ['loss'], plotted: true }];
const AFTER: readonly MetricChart[] = [
  { id: 'gradient', title: 'Gradient norm', metrics: ['gradientNorm'] },
  { id: 'rate', title: 'Learning rate', metrics: RATE_METRICS, plotted: true, exact: true },
  { id: 'throughput', title: 'Throughput', unit: 'crops per second', metrics: ['cropsPerSecond'] },
  { id: 'duration', title: 'Time a step', unit: 'seconds', metrics: ['secondsPerStep'] },
  { id: 'memory', title: 'Memory', unit: 'bytes', metrics: ['memoryBytes'] },
];

/** What no other chart has, yet belongs beside the loss. */
const PARTS: MetricChart = { id: 'parts', title: 'Parts of the loss', metrics: [], plotted: true };

/** Recorded for other readers, but not worth a curve. */
const SKIPPED = new Set(['epoch', 'lossScale', 'updateSkipped']);

/** Whether a metric, with or without the prefix of held-out cases, belongs to a chart. */
export function chartHas({ metrics, heldOutOnly }: MetricChart, metric: string): boolean {
  if (heldOutOnly && !isValidationMetric(metric)) return false;
  const name = baseMetric(metric);
  return metrics.some((own) => (own.endsWith('/') ? name.startsWith(own) : name === own));
}

const claims = (task: TaskDescriptor, metrics: readonly string[]): number =>
  metrics.filter((metric) => task.charts.some((chart) => chartHas(chart, metric))).length;

/** A chart with the metrics that it shows. */
export interface FilledChart {
  readonly chart: MetricChart;
  /** Names as metrics.jsonl has them. */
  readonly metrics: readonly string[];
}

/**
 * The charts of these metrics in the order in which they are shown, empty ones left out. Where two tasks have a chart for the
 * same metric, it goes to the task that explains more of the metrics.
 *
 * @param kind of the run that the metrics are of; left out where they are of several
 */
export function chartMetrics(metrics: readonly string[], kind?: RunKind): FilledChart[] {
  const wanted = metrics.filter((metric) => !SKIPPED.has(baseMetric(metric)));
  const downstream: readonly TaskDescriptor[] = kind === 'pretrain' ? [] : downstreamDescriptors.all;
  const pretext: readonly TaskDescriptor[] = kind === undefined || kind === 'pretrain' ? pretextDescriptors.all : [];
  const likely = [...pretext, ...downstream].sort((a, b) => claims(b, wanted) - claims(a, wanted));
  const preferred = [...BEFORE, ...likely.flatMap(({ charts }) => charts), ...AFTER];
  const chartOf = (metric: string): MetricChart => preferred.find((chart) => chartHas(chart, metric)) ?? PARTS;
  const shown = [...BEFORE, PARTS, ...[...downstream, ...pretext].flatMap(({ charts }) => charts), ...AFTER];
  return shown
    .map((chart) => ({ chart, metrics: wanted.filter((metric) => chartOf(metric) === chart) }))
    .filter((filled) => filled.metrics.length > 0);
}
