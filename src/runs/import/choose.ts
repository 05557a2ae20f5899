import { branchOf, isOptimizer, type Branch } from './branches';
import { renamedFor, type Renamed, type Target } from './names';

/** A tensor of a file, by the keys around it; the last key is its name in the innermost dict, which may be dotted. */
interface Placed {
  readonly path: readonly string[];
  readonly shape: readonly number[];
}

/** Where in a file a network's weights are, and what becomes of their names. */
export interface Choice {
  /** What stands in front of the network's names: keys of the file and prefixes, dotted, with the last dot. */
  readonly prefix: string;
  readonly branch: Branch | undefined;
  /** Positions of the tensors below the prefix. */
  readonly members: readonly number[];
  readonly renamed: Renamed;
}

export interface Choices {
  readonly best: Choice | undefined;
  /** Other networks of the file that fit as well as half of the best, by the branch they are. */
  readonly others: readonly Choice[];
}

/** Deepest prefix, in parts. */
const MOST_PARTS = 24;

interface Group {
  readonly prefix: string;
  readonly parts: readonly string[];
  readonly members: number[];
}

/** Of a file of more tensors, what is below a prefix with less than a hundredth of them is not the network in it. */
const MANY_TENSORS = 2000;

/** Of so many, most prefixes of a file fit nothing: a sample tells, so that deep names are not looked at anew for each of their parts. */
const SAMPLE = 500;
const sampled = (length: number) => {
  const step = Math.floor(length / SAMPLE);
  return (_: unknown, i: number): boolean => i % step === 0;
};

function fits(group: Parameters<typeof renamedFor>[0], target: Target): boolean {
  const { whole, byName } = renamedFor(group, target);
  return whole + byName > 0;
}

/** The tensors below every prefix of a file, the longest lists first, and of those the shortest prefixes. */
function groupsOf(tensors: readonly Placed[]): Group[] {
  const names = tensors.map(({ path }) => path.join('.').split('.'));
  const least = names.length > MANY_TENSORS ? names.length / 100 : 1;
  const groups: Group[] = [];
  let level: Group[] = [{ prefix: '', parts: [], members: [...names.keys()] }];
  for (let depth = 0; depth < MOST_PARTS && level.length > 0; depth++) {
    groups.push(...level);
    level = level.flatMap((group) => partsOf(group, names, depth)).filter(({ members }) => members.length >= least);
  }
  return groups.sort((a, b) => b.members.length - a.members.length || a.parts.length - b.parts.length);
}

/** The groups one part further down, of the names that go on behind it. */
function partsOf({ prefix, parts, members }: Group, names: readonly (readonly string[])[], depth: number): Group[] {
  const below = new Map<string, number[]>();
  for (const i of members) {
    if (names[i]!.length <= depth + 1) continue;
    const part = names[i]![depth]!;
    const found = below.get(part);
    if (found) found.push(i);
    else below.set(part, [i]);
  }
  return [...below].map(([part, inside]) => ({
    prefix: `${prefix}${part}.`,
    parts: [...parts, part],
    members: inside,
  }));
}

/** Lower comes first among networks that fit equally well. */
const RANK: Record<Branch, number> = { student: 0, teacher: 1, ema: 2 };
const rank = ({ branch }: Choice): number => (branch ? RANK[branch] : 0);

function compare(a: Choice, b: Choice): number {
  return b.renamed.whole - a.renamed.whole || b.renamed.byName - a.renamed.byName || rank(a) - rank(b);
}

const isOf = ({ branch }: Choice, wanted: Branch): boolean => (branch ?? 'student') === wanted;
/** Of the tensors of one network, shorter and longer prefixes fit parts: those are no other network. */
const areApart = (a: Choice, b: Choice): boolean => !a.prefix.startsWith(b.prefix) && !b.prefix.startsWith(a.prefix);

/** Tensors below the prefix that are not the network's. */
const extra = ({ members, renamed }: Choice): number => members.length - renamed.whole;

/** The best, or one elsewhere that is as good and has less around it: nnssl saves a network, and again within a larger one. */
function tightest(choices: readonly Choice[]): Choice | undefined {
  const [first] = choices;
  const rivals = choices.filter((one) => first && areApart(one, first) && compare(one, first) === 0);
  return rivals.reduce((best, one) => (best && extra(one) < extra(best) ? one : best), first);
}

/**
 * Finds where a file holds a network: below the prefix under which most tensors fit it by name and shape, whatever the dicts and
 * prefixes are called. An optimizer's numbers are no weights. Of networks that fit equally well the student is taken.
 *
 * @param branch which network to take alone
 */
export function chooseWeights(tensors: readonly Placed[], target: Target, branch?: Branch): Choices {
  const names = tensors.map(({ path }) => path.join('.'));
  const found: Choice[] = [];
  let most = 0;
  for (const { prefix, parts, members } of groupsOf(tensors)) {
    if (members.length * 2 < most) break;
    if (isOptimizer(parts)) continue;
    const group = members.map((i) => ({ name: names[i]!.slice(prefix.length), shape: tensors[i]!.shape }));
    if (group.length > MANY_TENSORS && !fits(group.filter(sampled(group.length)), target)) continue;
    const renamed = renamedFor(group, target);
    if (renamed.whole + renamed.byName === 0) continue;
    most = Math.max(most, renamed.whole);
    found.push({ prefix, branch: branchOf(parts), members, renamed });
  }
  found.sort(compare);
  const wanted =
    branch === undefined ? found : found.filter((one) => isOf(one, branch) && 2 * one.renamed.whole >= most);
  const best = tightest(wanted);
  const fitting = found.filter(({ renamed }) => renamed.whole > 0 && 2 * renamed.whole >= most);
  const others: Choice[] = [];
  for (const one of fitting)
    if ((!best || areApart(one, best)) && others.every((other) => areApart(one, other))) others.push(one);
  return { best, others };
}
