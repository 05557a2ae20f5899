import type { ChartDescription } from '../../protocol/curves';

interface Group {
  readonly id: string;
  readonly title: string;
  readonly unit?: string;
  /** @param metric without the prefix of validations; `held` for one that was measured on held-out cases. */
  has(metric: string, held: boolean): boolean;
}

const VALIDATION = 'validation/';

/** Recorded for other readers, but not worth a curve. */
const SKIPPED = new Set(['epoch']);

/** Scores of single classes: `dice/liver`. */
const CLASS_DICE = 'dice/';

/** Groups in the order of the panel, but for the last, which takes what is left: the parts that the loss is made of. */
const GROUPS: readonly Group[] = [
  { id: 'loss', title: 'Loss', has: (metric) => metric === 'loss' },
  { id: 'dice', title: 'Dice on held-out cases', has: (metric, held) => held && metric === 'dice' },
  { id: 'classes', title: 'Dice by class', has: (metric) => metric.startsWith(CLASS_DICE) },
  { id: 'scores', title: 'F1 and AUC', has: (metric) => metric === 'f1' || metric === 'auc' },
  { id: 'accuracy', title: 'Position accuracy', has: (metric) => /accuracy/i.test(metric) },
  { id: 'collapse', title: 'Collapse monitor', has: (metric) => /^(baseSimilarity|featureStd)$/.test(metric) },
  { id: 'gradient', title: 'Gradient norm', has: (metric) => metric === 'gradientNorm' },
  { id: 'rate', title: 'Learning rate', has: (metric) => metric === 'learningRate' },
  { id: 'throughput', title: 'Throughput', unit: 'crops per second', has: (metric) => metric === 'cropsPerSecond' },
  { id: 'duration', title: 'Time a step', unit: 'seconds', has: (metric) => metric === 'secondsPerStep' },
  { id: 'memory', title: 'Memory', unit: 'bytes', has: (metric) => metric === 'memoryBytes' },
  { id: 'parts', title: 'Parts of the loss', has: () => true },
];

const isHeld = (metric: string): boolean => metric.startsWith(VALIDATION);

const baseName = (metric: string): string => (isHeld(metric) ? metric.slice(VALIDATION.length) : metric);

/**
 * The charts for these metrics: related ones share a chart, a metric with its validation; empty charts are left out.
 *
 * @param colours of classes by their names, for charts that have a line a class
 */
export function chartsFor(
  metrics: readonly string[],
  colours: Readonly<Record<string, string>> = {},
): ChartDescription[] {
  const wanted = metrics.filter((metric) => !SKIPPED.has(baseName(metric)));
  const charts = GROUPS.map(({ id, title, unit = '' }) => ({
    id,
    title,
    unit,
    metrics: wanted.filter((metric) => GROUPS.find((group) => group.has(baseName(metric), isHeld(metric)))?.id === id),
  })).filter((chart) => chart.metrics.length > 0);
  const classified = charts.some(({ id }) => id === 'scores');
  for (const chart of charts) {
    if (chart.id === 'accuracy' && classified) chart.title = 'Accuracy';
    if (chart.id === 'classes') Object.assign(chart, { colours: coloursOf(chart.metrics, colours) });
  }
  return charts.sort((a, b) => rank(a.id) - rank(b.id));
}

/** The parts of the loss take what no other group has, yet belong beside the loss. */
function rank(id: string): number {
  return id === 'parts' ? 0.5 : GROUPS.findIndex((group) => group.id === id);
}

/** The colours of the classes that metrics are of, by metric; of classes without one none. */
function coloursOf(metrics: readonly string[], colours: Readonly<Record<string, string>>): Record<string, string> {
  const own = metrics.map((metric) => [metric, colours[baseName(metric).slice(CLASS_DICE.length)]] as const);
  return Object.fromEntries(own.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
