import { RandomStream, streamId } from '../../random/random';

/** Places in which two permutations differ. */
export function hamming(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count += 1;
  return count;
}

/** Candidates for each permutation of more than eight things, whose permutations are too many to go through. */
const CANDIDATES = 2000;
const ALL_UP_TO = 8;

function allPermutations(n: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const order = Uint8Array.from({ length: n }, (_, i) => i);
  const place = (k: number): void => {
    if (k === n) {
      found.push(order.slice());
      return;
    }
    for (let i = k; i < n; i++) {
      [order[k], order[i]] = [order[i]!, order[k]!];
      place(k + 1);
      [order[k], order[i]] = [order[i]!, order[k]!];
    }
  };
  place(0);
  return found;
}

const made = new Map<string, readonly Uint8Array[]>();

/**
 * A table of permutations of `n` things that are far from each other: the identity first, then always one that is farthest from its
 * nearest in the table (Noroozi and Favaro 2016). The same in every run. Of 8 things, 100 entries differ in at least 5 places.
 */
export function permutationTable(n: number, count: number): readonly Uint8Array[] {
  const key = `${n} ${count}`;
  const known = made.get(key);
  if (known) return known;
  const random = new RandomStream(streamId('jigsaw'), n);
  const drawn = (): Uint8Array => Uint8Array.from(random.permutation(n));
  const candidates = n <= ALL_UP_TO ? allPermutations(n) : Array.from({ length: CANDIDATES + count }, drawn);
  const table: Uint8Array[] = [Uint8Array.from({ length: n }, (_, i) => i)];
  const nearest = Uint8Array.from(candidates, (candidate) => hamming(candidate, table[0]!));
  while (table.length < Math.min(count, candidates.length)) {
    const farthest = nearest.reduce((most, distance) => Math.max(most, distance), 0);
    const ties = [...nearest.keys()].filter((i) => nearest[i] === farthest);
    const chosen = candidates[ties[random.integer(0, ties.length)]!]!;
    table.push(chosen);
    candidates.forEach((candidate, i) => (nearest[i] = Math.min(nearest[i]!, hamming(candidate, chosen))));
  }
  made.set(key, table);
  return table;
}
