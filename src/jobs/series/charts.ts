import type { ChartDescription } from '../../protocol/curves';
import { baseMetric } from '../../protocol/metrics';
import { chartMetrics } from '../../runs/metricCharts';

/** The class that a metric is of: "dice/liver" → "liver". */
const classOf = (metric: string): string | undefined => /^[^/]+\/(.+)$/.exec(baseMetric(metric))?.[1];

/**
 * The charts for these metrics: related ones share a chart, a metric with its validation; empty charts are left out.
 *
 * @param colours of classes by their names, for charts that have a line a class
 */
export function chartsFor(
  metrics: readonly string[],
  colours: Readonly<Record<string, string>> = {},
): ChartDescription[] {
  return chartMetrics(metrics).map(({ chart: { id, title, unit = '', metrics: names, warning }, metrics: own }) => ({
    id,
    title,
    unit,
    metrics: [...own],
    ...(warning && { warning }),
    ...(names.some((name) => name.endsWith('/')) && { colours: coloursOf(own, colours) }),
  }));
}

/** The colours of the classes that metrics are of, by metric; of classes without one none. */
function coloursOf(metrics: readonly string[], colours: Readonly<Record<string, string>>): Record<string, string> {
  const own = metrics.map((metric) => [metric, colours[classOf(metric) ?? '']] as const);
  return Object.fromEntries(own.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
