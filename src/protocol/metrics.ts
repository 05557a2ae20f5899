/** Names of what a run records in metrics.jsonl, as writers and readers agree on them. */

/** Stands before the name of what is measured on held-out cases. */
const VALIDATION_PREFIX = 'validation/';

/** The name under which a score on held-out cases is recorded: "dice" → "validation/dice". */
export const validationMetric = (name: string): string => VALIDATION_PREFIX + name;

/** Whether a metric was measured on held-out cases. */
export const isValidationMetric = (metric: string): boolean => metric.startsWith(VALIDATION_PREFIX);

/** A metric's name without the prefix of held-out cases: "validation/dice" → "dice". */
export const baseMetric = (metric: string): string =>
  isValidationMetric(metric) ? metric.slice(VALIDATION_PREFIX.length) : metric;

const RATE = 'learningRate';

/** Rates of groups of weights stand beside `learningRate`, that of the schedule: "encoder" → "learningRate/encoder". */
export const groupRate = (group: string): string => `${RATE}/${group}`;

/** Names of learning rates, as a chart takes them. */
export const RATE_METRICS = [RATE, `${RATE}/`] as const;

/** Scores by the names under which held-out ones are recorded. */
export const validationMetrics = (scores: Readonly<Record<string, number>> | undefined): Record<string, number> =>
  Object.fromEntries(Object.entries(scores ?? {}).map(([name, value]) => [validationMetric(name), value]));
