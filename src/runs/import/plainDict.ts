import { branchOf, isOptimizer, type Branch } from './branches';
import type { Choice } from './choose';
import { unwrapped, unwrappedText } from './names';

interface Placed {
  readonly path: readonly string[];
  readonly shape: readonly number[];
}

/** Keys that hold the weights in the files of VoCo, MONAI, nnU-Net and other trainings, the likeliest first. */
const WRAPPERS = ['state_dict', 'network_weights', 'net', 'model', 'model_state_dict', 'weights', 'network', 'params'];

const isStudent = (branch: Branch | undefined): boolean => (branch ?? 'student') === 'student';

/** Which of several dicts beside one another to go into; undefined where they are parts of one network. */
function nextKey(sizes: ReadonlyMap<string, number>, branch: Branch | undefined): string | undefined {
  const keys = [...sizes.keys()];
  if (keys.length === 1) return keys[0];
  const wanted = keys.filter((key) => {
    const found = branchOf([key]);
    return branch === undefined ? isStudent(found) : found === branch;
  });
  if (branch !== undefined && branch !== 'student' && wanted.length > 0) return wanted[0];
  const known = WRAPPERS.find((key) => wanted.includes(key));
  if (known !== undefined) return known;
  const named = keys.filter((key) => branchOf([key]) !== undefined);
  if (named.length === 0) return undefined;
  return wanted.find((key) => branchOf([key]) !== undefined) ?? wanted[0] ?? named[0];
}

/** The keys around the dict that holds most of a file's weights. */
function wrapperOf(tensors: readonly Placed[], branch: Branch | undefined): string[] {
  const keys: string[] = [];
  for (;;) {
    const inside = tensors.filter(
      ({ path, shape }) => shape.length > 0 && !isOptimizer(path) && keys.every((key, depth) => path[depth] === key),
    );
    const sizes = new Map<string, number>();
    for (const { path } of inside)
      if (path.length > keys.length + 1) sizes.set(path[keys.length]!, (sizes.get(path[keys.length]!) ?? 0) + 1);
    const direct = inside.filter(({ path }) => path.length === keys.length + 1).length;
    const largest = Math.max(0, ...sizes.values());
    const key = direct * 4 > largest ? undefined : nextKey(sizes, branch);
    if (key === undefined) return keys;
    keys.push(key);
  }
}

/** The branch below whose first part most names lie, where that is most of them: `student.`, `teacher.`. */
function prefixOf(
  names: readonly string[],
  branch: Branch | undefined,
): { prefix: string; branch: Branch } | undefined {
  const sizes = new Map<string, number>();
  let plain = 0;
  for (const name of names) {
    const first = name.split('.')[0]!;
    if (branchOf([first])) sizes.set(first, (sizes.get(first) ?? 0) + 1);
    else plain += 1;
  }
  const sides = [...sizes].filter(([, size]) => size > plain).map(([first]) => ({ first, side: branchOf([first])! }));
  const chosen = sides.find(({ side }) => side === (branch ?? 'student')) ?? sides[0];
  return chosen && { prefix: `${chosen.first}.`, branch: chosen.side };
}

/**
 * The weights of a file of an unknown network: the innermost dict that holds nearly all tensors, of the student where it has
 * several. Names are kept but for `module.` and the like, and the prefix of a branch.
 */
export function plainChoice(tensors: readonly Placed[], branch?: Branch): Choice {
  const keys = wrapperOf(tensors, branch);
  const inside = [...tensors.entries()].filter(
    ([, { path }]) => path.length > keys.length && keys.every((key, depth) => path[depth] === key),
  );
  const old = inside.map(([, { path }]) => path.slice(keys.length).join('.'));
  const bare = old.map(unwrapped);
  const names = new Set(bare).size === bare.length ? bare : old;
  const count = names.filter((name, i) => name !== old[i]).length;
  const side = prefixOf(
    names.filter((name) => !isOptimizer(name.split('.'))),
    branch,
  );
  const kept = [...names.keys()].filter((i) => names[i]!.startsWith(side?.prefix ?? ''));
  const changes = count > 0 ? [{ text: unwrappedText(old), count }] : [];
  return {
    prefix: `${keys.map((key) => `${key}.`).join('')}${side?.prefix ?? ''}`,
    branch: side?.branch ?? branchOf(keys),
    members: kept.map((i) => inside[i]![0]),
    renamed: { names: kept.map((i) => names[i]!.slice(side?.prefix.length ?? 0)), changes, whole: 0, byName: 0 },
  };
}
