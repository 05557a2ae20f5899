import { bootstrapInterval, meanScore, wilcoxonSignedRank } from '../metrics';
import type { PairedScore, ScoreComparison } from '../protocol/comparison';
import { settingDifferences, type ClassifiedResult, type ClassScores, type Results } from '../runs';

const MEAN = 'mean';
const SEED = 0;

/** Scores of one case by class name and metric; those of a classification are of the whole volume. */
interface ScoredCase {
  readonly name: string;
  readonly classes: readonly Pick<ClassScores, 'name' | 'scores'>[];
}

/** A classification's cases count as right or wrong. */
function rightOrWrong({ case: name, truth, probabilities }: ClassifiedResult): ScoredCase {
  const likeliest = probabilities.indexOf(Math.max(...probabilities));
  return { name, classes: [{ name: 'all', scores: { accuracy: likeliest === truth ? 1 : 0 } }] };
}

function casesOf({ cases, classification }: Results): ScoredCase[] {
  return [
    ...cases.map(({ case: name, classes }) => ({ name, classes })),
    ...(classification ?? []).map((item) => rightOrWrong(item)),
  ];
}

/** Defined scores of a metric by class name in one case, and their mean over the classes that both sides have. */
function scoresOf({ classes }: ScoredCase, metric: string, common: ReadonlySet<string>): Map<string, number> {
  const defined = classes.flatMap(({ name, scores }) => {
    const value = scores[metric];
    return typeof value === 'number' && Number.isFinite(value) && common.has(name) ? [[name, value] as const] : [];
  });
  const mean = meanScore(defined.map(([, value]) => value));
  const whole = common.size > 1 && !Number.isNaN(mean) ? [[MEAN, mean] as const] : [];
  return new Map([...defined, ...whole]);
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

const namesOf = (cases: readonly ScoredCase[]): Set<string> =>
  new Set(cases.flatMap(({ classes }) => classes.map(({ name }) => name)));

/** Why scores of two evaluations cannot be paired. */
function mismatch(a: Results, b: Results, cases: number, classes: number): { readonly missing?: string } {
  if ((a.classification === undefined) !== (b.classification === undefined))
    return { missing: 'the tasks differ: one is segmentation, the other classification' };
  if (classes === 0)
    return { missing: `the tasks are different: ${a.task ?? 'the first'} and ${b.task ?? 'the other'} share no class` };
  return cases === 0 ? { missing: 'the two evaluations have no case in common' } : {};
}

/** Whether two networks were measured in two ways, so that a difference may come from that. */
function otherSettings(a: Results, b: Results): { readonly settings?: readonly string[] } {
  if (!a.settings || !b.settings) return {};
  const { weights, heldOut } = a.settings;
  const settings = settingDifferences(a.settings, { ...b.settings, weights, heldOut });
  return settings.length > 0 ? { settings } : {};
}

/**
 * Scores of two evaluations, paired over the cases and classes that both have; a class counts in the cases where both scores are
 * defined.
 *
 * @param checkpoint position of the other one, for the report
 */
export function compareScores(reference: Results, other: Results, checkpoint: number): ScoreComparison {
  const [first, second] = [casesOf(reference), casesOf(other)];
  const others = new Map(second.map((item) => [item.name, item]));
  const names = new Set(first.map(({ name }) => name));
  const common = first.filter(({ name }) => others.has(name));
  const otherCases = [...names, ...others.keys()].filter((name) => !names.has(name) || !others.has(name));
  const theirs = namesOf(second);
  const shared = new Set([...namesOf(first)].filter((name) => theirs.has(name)));
  const metrics = Object.keys(reference.units).filter((metric) => metric in other.units);
  const scores = metrics.flatMap((metric) => {
    const values = common.map(
      (item) => [scoresOf(item, metric, shared), scoresOf(others.get(item.name)!, metric, shared)] as const,
    );
    return [...shared, MEAN].flatMap((name) => {
      const pairs = values.flatMap(([a, b]) => {
        const [one, two] = [a.get(name), b.get(name)];
        return one === undefined || two === undefined ? [] : [[one, two] as const];
      });
      return pairs.length === 0 ? [] : [pair(name, metric, pairs)];
    });
  });
  const commonCases = common.map(({ name }) => name);
  return {
    ...{ checkpoint, scores, commonCases, otherCases },
    ...mismatch(reference, other, common.length, shared.size),
    ...otherSettings(reference, other),
  };
}
