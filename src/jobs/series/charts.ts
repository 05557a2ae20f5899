import type { ChartDescription } from '../../protocol/curves';

interface Group {
  readonly id: string;
  readonly title: string;
  readonly unit?: string;
  has(metric: string): boolean;
}

const isValidation = (metric: string): boolean => /^val(idation)?[/A-Z_.]/.test(metric);

/** Groups in the order of the panel; a metric belongs to the first that has it. */
const GROUPS: readonly Group[] = [
  { id: 'loss', title: 'Loss', has: (metric) => metric === 'loss' },
  { id: 'validation', title: 'Validation', has: isValidation },
  { id: 'accuracy', title: 'Position accuracy', has: (metric) => /accuracy/i.test(metric) },
  { id: 'collapse', title: 'Collapse monitor', has: (metric) => /^(baseSimilarity|featureStd)$/.test(metric) },
  { id: 'gradient', title: 'Gradient norm', has: (metric) => metric === 'gradientNorm' },
  { id: 'rate', title: 'Learning rate', has: (metric) => /^(learningRate|lr)$/.test(metric) },
  {
    id: 'throughput',
    title: 'Throughput',
    unit: 'per second',
    has: (metric) => /(throughput|PerSecond|_per_second)$/i.test(metric),
  },
  { id: 'duration', title: 'Time a step', unit: 'seconds', has: (metric) => /seconds$/i.test(metric) },
  { id: 'memory', title: 'Memory', unit: 'bytes', has: (metric) => /(memory|bytes)$/i.test(metric) },
  { id: 'parts', title: 'Parts of the loss', has: () => true },
];

/** The charts for these metrics: related ones share a chart, empty charts are left out. */
export function chartsFor(metrics: readonly string[]): ChartDescription[] {
  return GROUPS.map((group) => ({
    id: group.id,
    title: group.title,
    unit: group.unit ?? '',
    metrics: metrics.filter((metric) => GROUPS.find((one) => one.has(metric)) === group),
  }))
    .filter((chart) => chart.metrics.length > 0)
    .sort((a, b) => rank(a.id) - rank(b.id));
}

/** The parts of the loss are the rest of the metrics, but belong beside the loss. */
function rank(id: string): number {
  return id === 'parts' ? 0.5 : GROUPS.findIndex((group) => group.id === id);
}
