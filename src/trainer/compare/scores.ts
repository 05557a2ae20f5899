import { bootstrapInterval, meanScore, wilcoxonSignedRank } from '../../metrics';
import type { PairedScore, ScoreComparison } from '../../protocol/compare';
import type { CaseResult, Results } from '../../runs';

const MEAN = 'mean';
const SEED = 0;

/** Scores of a metric by class name, and their mean, in one case; undefined scores are left out. */
function scoresOf({ classes }: CaseResult, metric: string): Map<string, number> {
  const defined = classes.flatMap(({ name, scores }) => {
    const value = scores[metric];
    return typeof value === 'number' && Number.isFinite(value) ? [[name, value] as const] : [];
  });
  const mean = meanScore(defined.map(([, value]) => value));
  return new Map([...defined, ...(Number.isNaN(mean) ? [] : [[MEAN, mean] as const])]);
}

function pair(name: string, metric: string, pairs: readonly (readonly [number, number])[]): PairedScore {
  const differences = pairs.map(([reference, other]) => other - reference);
  const { low, high } = bootstrapInterval(differences, { seed: SEED });
  const { p, method } = wilcoxonSignedRank(differences);
  return {
    ...{ name, metric, cases: pairs.length, p, test: method },
    reference: meanScore(pairs.map(([reference]) => reference)),
    other: meanScore(pairs.map(([, other]) => other)),
    difference: meanScore(differences),
    low: Number.isNaN(low) ? null : low,
    high: Number.isNaN(high) ? null : high,
  };
}

/**
 * Scores of two evaluations, paired over the cases that both have; a class counts in the cases where both scores are defined.
 *
 * @param checkpoint position of the other one, for the report
 */
export function compareScores(reference: Results, other: Results, checkpoint: number): ScoreComparison {
  const others = new Map(other.cases.map((result) => [result.case, result]));
  const common = reference.cases.filter((result) => others.has(result.case));
  const names = new Set(reference.cases.map((result) => result.case));
  const otherCases = [...names, ...others.keys()].filter((name) => !names.has(name) || !others.has(name));
  const metrics = Object.keys(reference.units).filter((metric) => metric in other.units);
  const classes = [...new Set(common.flatMap((result) => result.classes.map(({ name }) => name))), MEAN];
  const scores = metrics.flatMap((metric) => {
    const values = common.map(
      (result) => [scoresOf(result, metric), scoresOf(others.get(result.case)!, metric)] as const,
    );
    return classes.flatMap((name) => {
      const pairs = values.flatMap(([a, b]) => {
        const [first, second] = [a.get(name), b.get(name)];
        return first === undefined || second === undefined ? [] : [[first, second] as const];
      });
      return pairs.length === 0 ? [] : [pair(name, metric, pairs)];
    });
  });
  const commonCases = common.map((result) => result.case);
  const none = commonCases.length === 0 ? { missing: 'the two were evaluated on no case in common' } : {};
  return { checkpoint, scores, commonCases, otherCases, ...none };
}
