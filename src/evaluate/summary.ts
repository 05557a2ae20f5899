import { bootstrapInterval, meanScore, reduceScores } from '../metrics';
import { csvLine } from '../files/csv';
import type { CaseResult, ClassifiedResult, ClassSummary, ResultsSummary, ScoreSummary } from '../runs';

function summarize(scores: readonly number[], seed: number): ScoreSummary {
  const { low, high } = bootstrapInterval(scores, { seed });
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const count = scores.filter(Number.isFinite).length;
  return { mean: finite(meanScore(scores)), low: finite(low), high: finite(high), count };
}

const number = (value: number | null | undefined): number => value ?? NaN;

/**
 * Means over cases with 95 % bootstrap intervals: of each class, and of each case's mean over its classes.
 *
 * @param names of the scores
 */
export function summarizeResults(cases: readonly CaseResult[], names: readonly string[], seed: number): ResultsSummary {
  const classes = (cases[0]?.classes ?? []).map(({ class: value, name }, c): ClassSummary => {
    const scores = names.map((score): [string, ScoreSummary] => [
      score,
      summarize(
        cases.map((item) => number(item.classes[c]!.scores[score])),
        seed,
      ),
    ]);
    return { class: value, name, scores: Object.fromEntries(scores) };
  });
  const overall = names.map((score): [string, ScoreSummary] => {
    const rows = cases.map((item) => item.classes.map(({ scores }) => number(scores[score])));
    const finite = rows.map((row) => row.map((value) => (Number.isFinite(value) ? value : NaN)));
    const { values, counts } = reduceScores(finite, 'mean_channel');
    return [
      score,
      summarize(
        values.map((value, i) => (counts[i]! > 0 ? value : NaN)),
        seed,
      ),
    ];
  });
  return { classes, overall: Object.fromEntries(overall) };
}

/** One row a case and class; undefined scores are empty. */
export function resultsCsv(cases: readonly CaseResult[], names: readonly string[]): string {
  const rows = cases.flatMap((item) =>
    item.classes.map(({ class: value, name, scores }) => [
      item.case,
      value,
      name,
      ...names.map((score) => scores[score]),
    ]),
  );
  return [['case', 'class', 'name', ...names], ...rows].map(csvLine).join('');
}

/** One row a case: its class, the predicted one, and the probability of each. */
export function classificationCsv(cases: readonly ClassifiedResult[], classes: readonly string[]): string {
  const header = ['case', 'truth', 'predicted', ...classes.map((name) => `p(${name})`)];
  const rows = cases.map(({ case: id, truth, probabilities }) => {
    const predicted = probabilities.indexOf(Math.max(...probabilities));
    return [id, classes[truth], classes[predicted], ...probabilities];
  });
  return [header, ...rows].map(csvLine).join('');
}
