import { knownNetwork } from '../../nets/descriptors';
import type { Aliases } from '../../nets/descriptor';
import { plural } from '../../text';
import type { Recognised } from './architectures';
import type { PlacedTensor } from './source';

interface Folded {
  readonly tensors: readonly PlacedTensor[];
  /** What was done, for people. */
  readonly changes: readonly { readonly text: string; readonly count: number }[];
}

/** Tensors by our name of each, in the order of the file. */
function byName(tensors: readonly PlacedTensor[], aliases: Aliases): Map<string, PlacedTensor[]> {
  const found = new Map<string, PlacedTensor[]>();
  for (const tensor of tensors) {
    const name = aliases.nameOf(tensor.name);
    const same = found.get(name);
    if (same) same.push(tensor);
    else found.set(name, [tensor]);
  }
  return found;
}

/**
 * Of tensors that a network elsewhere has several names for, the one that counts, under our name: the last, as when PyTorch loads
 * the file.
 */
export function withoutAliases(tensors: readonly PlacedTensor[], recognised: Recognised | undefined): Folded {
  const aliases = knownNetwork(recognised?.section)?.descriptor.stateDict.aliases;
  const groups = aliases && byName(tensors, aliases);
  if (!groups || groups.size === tensors.length) return { tensors, changes: [] };
  const places = new Map(aliases.keysOf([...groups.keys()]).map(({ key }, place) => [key, place]));
  const place = ({ name }: PlacedTensor): number => places.get(name) ?? -1;
  const apart: string[] = [];
  const kept = [...groups].map(([name, same]) => {
    const last = same.reduce((best, one) => (place(one) >= place(best) ? one : best));
    if (same.some(({ storage }) => storage !== last.storage)) apart.push(last.name);
    return { ...last, name };
  });
  const count = tensors.length - kept.length;
  const changes = [{ text: 'second names of tensors that are there already, left out', count }];
  if (apart.length > 0)
    changes.push({
      text:
        `${plural(apart.length, 'a tensor is', 'tensors are')} stored under several names, and may differ: the last name counts, as when PyTorch loads the file ` +
        `(${apart[0]!}${apart.length > 1 ? ', …' : ''}; nnssl’s SparK has trained those alone)`,
      count: apart.length,
    });
  return { tensors: kept, changes };
}
