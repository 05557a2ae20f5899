import { error, warning, type Problem } from '../../schema';

interface Sections {
  readonly method: { readonly perVolume: number; readonly negatives: 'batch' | 'volume'; readonly overlap: number };
  readonly train: { readonly batch: number };
}

/** There must be a crop to be told from. */
export function pairRules({ method, train }: Sections): Problem[] {
  const { perVolume, negatives, overlap } = method;
  const found: Problem[] = [];
  if (negatives === 'volume' && perVolume < 2)
    found.push(error(['method', 'perVolume'], 'one pair of a volume has nothing to be told from within it', 2));
  else if (perVolume * train.batch < 2)
    found.push(error(['method', 'perVolume'], 'one pair a step has nothing to be told from', 2));
  if (overlap === 0) found.push(warning(['method', 'overlap'], 'the crops of a pair need not overlap at all'));
  return found;
}
