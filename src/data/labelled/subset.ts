import { UserError } from '../../errors/userError';
import { RandomStream, streamId } from '../../random/random';
import type { Case } from '../datalist/case';

const SUBSET = streamId('label-efficiency subset');

/** How many of `available` cases an amount means: a share (at least one case) or a number; both null: all. */
export function countOf(amount: { fraction: number | null; cases: number | null }, available: number): number {
  const { fraction, cases } = amount;
  return cases ?? (fraction === null ? available : Math.max(1, Math.round(fraction * available)));
}

/**
 * A seeded part of the training cases. Subsets of one seed are nested: the 4 cases are among the 8.
 *
 * @param amount see {@link countOf}
 * @throws UserError when more cases are asked for than there are.
 */
export function trainingSubset<C extends Case>(
  cases: readonly C[],
  amount: { fraction: number | null; cases: number | null },
  seed: number,
): C[] {
  const count = countOf(amount, cases.length);
  if (count > cases.length) {
    throw new UserError(`data.cases: ${count} training volumes are requested, but there are only ${cases.length}`);
  }
  if (count === cases.length) return [...cases];
  const rank = (item: C): number => new RandomStream(seed, SUBSET, streamId(item.id)).uniform();
  const chosen = new Set([...cases].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)).slice(0, count));
  return cases.filter((item) => chosen.has(item));
}
