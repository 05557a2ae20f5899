import type { Vec3 } from '../../geometry';
import { knownNetwork, networkDescriptors } from '../../nets/descriptors';
import { UserError } from '../../errors/userError';
import { recognise, type Recognised } from './architectures';
import { axesText, isKernel, turned, withRows } from './axes';
import { branchOf, branchTitle, isOptimizer, type Branch } from './branches';
import { withoutAliases } from './aliases';
import { chooseWeights, type Choice, type Choices } from './choose';
import { familyTarget, unwrapped, type Target } from './names';
import { plainChoice } from './plainDict';
import type { PlacedTensor, SourceTensor, WeightsSource } from './source';

/** Which tensors of a file are the weights, under which names, and what else is in it. */
export interface Plan {
  readonly choice: Choice;
  /** Keys around the dict of the weights, dotted; empty where there were none. */
  readonly wrapper: string;
  readonly branch: Branch | null;
  readonly changes: readonly { readonly text: string; readonly count: number }[];
  /** The network's tensors under its names, and those of the same dict that it does not have. */
  readonly tensors: readonly SourceTensor[];
  /** Tensors of the same dict of other networks and the optimizer, by their names there. */
  readonly others: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What is in the file outside of that dict, by its first key. */
  readonly beside: readonly { readonly name: string; readonly tensors: number }[];
  /** Tensors that share their numbers with another one of them. */
  readonly shared: number;
  /** Other networks of the file that fit as well: which branch each is, and what stands in front of its names. */
  readonly alternatives: readonly { readonly branch: Branch; readonly prefix: string }[];
  readonly recognised?: Recognised;
}

export interface PlanOptions {
  readonly branch?: Branch | undefined;
  /** The network that the weights are for; without it, any of ours, and the innermost dict of a file of none of them. */
  readonly target?: Target | undefined;
  /** The config's section of the network, beside a target. */
  readonly network?: object | undefined;
}

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

const namedBy = (tensors: readonly PlacedTensor[], { members, renamed }: Choice): Named[] =>
  members.map((i, at) => ({ name: renamed.names[at]!, shape: tensors[i]!.shape }));

/** Which of our networks a file holds, where it holds one. */
function chooseOwn(tensors: readonly PlacedTensor[], branch: Branch | undefined): Choices | undefined {
  const found = networkDescriptors.all.flatMap((descriptor) => {
    const choices = chooseWeights(tensors, familyTarget(descriptor), branch);
    const { infer } = descriptor.stateDict;
    const probe = choices.best ?? choices.others[0];
    const shapes = new Map((probe ? namedBy(tensors, probe) : []).map(({ name, shape }) => [name, shape]));
    return probe && (!infer || infer(shapes)) ? [{ choices, whole: probe.renamed.whole }] : [];
  });
  return found.sort((a, b) => b.whole - a.whole)[0]?.choices;
}

const nameOf = ({ branch }: Choice): Branch => branch ?? 'student';

function withoutBranch(file: string, branch: Branch, { others }: Choices): UserError {
  const has = [...new Set(others.map((other) => `${branchTitle(nameOf(other))} (${whereOf(other)})`))].join(', ');
  return new UserError(
    `${file}: has no ${branchTitle(branch)} network${has ? `; it has ${has}` : '; leave out the branch'}`,
  );
}

const whereOf = ({ prefix }: Choice): string => (prefix === '' ? 'no prefix' : `"${prefix.replace(/\.$/, '')}"`);

function choose(source: WeightsSource, { branch, target }: PlanOptions): Choices {
  const { file, tensors } = source;
  const own = target ? chooseWeights(tensors, target, branch) : chooseOwn(tensors, branch);
  if (own?.best) return own;
  if (own && own.others.length > 0 && branch !== undefined) throw withoutBranch(file, branch, own);
  const best = plainChoice(tensors, branch);
  if (branch !== undefined && nameOf(best) !== branch)
    throw withoutBranch(file, branch, { best: undefined, others: best.branch ? [best] : [] });
  return { best, others: [] };
}

/** How many whole keys of the file a prefix takes; the rest of it is in the names. */
function keysWithin(prefix: string, path: readonly string[]): number {
  let keys = 0;
  let text = '';
  while (keys < path.length - 1) {
    text += `${path[keys]!}.`;
    if (!prefix.startsWith(text)) break;
    keys += 1;
  }
  return keys;
}

const startsWith = (path: readonly string[], keys: readonly string[]): boolean =>
  path.length > keys.length && keys.every((key, depth) => path[depth] === key);

/** What is outside the dict of the weights, by the first key that leads elsewhere. */
function besides(source: WeightsSource, keys: readonly string[]): Plan['beside'] {
  const found = new Map<string, number>();
  const add = (path: readonly string[], count: number): void => {
    if (startsWith(path, keys)) return;
    const depth = keys.findIndex((key, at) => path[at] !== key);
    const name = path.slice(0, depth + 1).join('.');
    if (name !== '') found.set(name, (found.get(name) ?? 0) + count);
  };
  for (const { path } of source.tensors) add(path, 1);
  for (const { path } of source.skipped) add(path, 0);
  // Numbers and texts first: they are short.
  return [...found].map(([name, tensors]) => ({ name, tensors })).sort((a, b) => a.tensors - b.tensors);
}

/** Makes of the numpy and torch packages that hold numbers: left out, as no other object is. */
const HARMLESS = /^(numpy|torch)\./;

/** @throws UserError for an object among the weights, which a class or a function would have made */
function checkObjects({ file, objects }: WeightsSource, inside: (path: readonly string[]) => boolean): void {
  const among = objects.find(({ path, made }) => inside(path) && !HARMLESS.test(made));
  if (!among) return;
  const name = JSON.stringify(among.path.join('.').slice(0, 120));
  throw new UserError(
    `${file}: refused: ${name} among its weights would be made by ${among.made.slice(0, 80)}; only tensors are loaded`,
  );
}

function withoutWeights({ file, objects, skipped, tensors }: WeightsSource): UserError {
  const model = objects.find(({ made }) => !HARMLESS.test(made)) ?? objects[0];
  if (model && model.path.length <= 1) {
    const where = model.path.length > 0 ? `"${model.path.join('.')}" in it` : 'it';
    const arrays = model.made.startsWith('numpy.');
    const way = arrays
      ? 'in Python, turn the arrays into tensors with torch.from_numpy, and torch.save them'
      : 'a whole model saved by torch.save(model); in Python: torch.save(model.state_dict(), "weights.pt")';
    return new UserError(`${file}: ${where} is an object of ${model.made.slice(0, 80)}, which is not loaded: ${way}`);
  }
  const found = [...skipped, ...objects, ...tensors].map(({ path }) => path[0]);
  if (tensors.length > 0 && found.every((key) => key === undefined))
    return new UserError(`${file}: is a single tensor without a name, not a state dict (names to tensors)`);
  const keys = [...new Set(found)].slice(0, 10);
  const has = keys.length > 0 ? `it has ${keys.map((key) => JSON.stringify(key)).join(', ')}` : 'it is empty';
  return new UserError(`${file}: no state dict (names to tensors) found in it: ${has}`);
}

/** Tensors of the same dict that are no part of the network found: those of other networks and of the optimizer are left out. */
function extrasOf(
  { tensors }: WeightsSource,
  keys: readonly string[],
  { best, others }: Choices,
): { kept: SourceTensor[]; left: string[] } {
  const members = new Set(best!.members);
  const taken = new Set(best!.renamed.names);
  const [kept, left]: [SourceTensor[], string[]] = [[], []];
  const ownBranch = branchOf(best!.prefix.split('.'));
  for (const [i, tensor] of tensors.entries()) {
    if (members.has(i) || !startsWith(tensor.path, keys)) continue;
    const name = tensor.path.slice(keys.length).join('.');
    const bare = unwrapped(name);
    const sideOf = branchOf([bare.split('.')[0]!]);
    const another = others.some(({ prefix }) => tensor.name.startsWith(prefix));
    const rival = ownBranch !== undefined && sideOf !== undefined && sideOf !== ownBranch;
    if (another || rival || isOptimizer(bare.split('.'))) left.push(name);
    else {
      kept.push({ ...tensor, name: taken.has(bare) ? name : bare });
      taken.add(bare);
    }
  }
  return { kept, left };
}

/**
 * Finds a file's weights and brings their names to those of the network: of the config's, where a target is given, else of any of
 * ours. Reads none of them. The axes of kernels come to our order, where the file's are in another and the network is ours.
 *
 * @throws UserError when there are none, none of the branch, or a class or function would have made one of them
 */
export function planWeights(source: WeightsSource, options: PlanOptions = {}): Plan {
  const { axes } = source;
  if (!axes || axes.join() === OURS) return planned(source, options);
  const inOurs = { ...source, tensors: source.tensors.map((tensor) => turned(tensor, axes)) };
  const plan = planned(inOurs, options);
  const own = knownNetwork(options.network ?? plan.recognised?.section);
  if (own?.descriptor.stateDict.turn) return turnedPlan(plan, own, source, axes);
  // Nobody knows what kernels of another network are to be in our order for.
  const asTheyAre = planned(source, options);
  const text = `axes left as they are: those of its arrays are ${axesText(axes)}, and ${own?.descriptor.title} cannot be turned`;
  return own ? { ...asTheyAre, changes: [...asTheyAre.changes, { text, count: asTheyAre.tensors.length }] } : asTheyAre;
}

const OURS = '0,1,2';

/** A plan whose kernels are turned, with the rest of the network's tensors brought to the same order. */
function turnedPlan(
  plan: Plan,
  { descriptor, section }: NonNullable<ReturnType<typeof knownNetwork>>,
  { file, field }: WeightsSource,
  axes: Vec3,
): Plan {
  const how = { section, axes, crop: field?.patch };
  let count = 0;
  const turnedOne = (tensor: SourceTensor): SourceTensor => {
    const rows = descriptor.stateDict.turn!(tensor, how);
    if (rows || isKernel(tensor)) count += 1;
    return rows ? withRows(tensor, rows) : tensor;
  };
  try {
    const tensors = plan.tensors.map(turnedOne);
    const text = `axes of kernels and positions brought to x, y, z (those of its arrays are ${axesText(axes)})`;
    return { ...plan, tensors, changes: count > 0 ? [...plan.changes, { text, count }] : plan.changes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${file}: ${error.message}`);
  }
}

function planned(source: WeightsSource, options: PlanOptions): Plan {
  const { tensors, file } = source;
  if (tensors.length === 0) throw withoutWeights(source);
  const choices = choose(source, options);
  const best = choices.best!;
  const first = best.members[0];
  if (first === undefined) throw withoutWeights(source);
  const keys = tensors[first]!.path.slice(0, keysWithin(best.prefix, tensors[first]!.path));
  const inName = best.prefix.slice(keys.map((key) => `${key}.`).join('').length);
  const inside = (path: readonly string[]): boolean => startsWith(path, keys);
  checkObjects(source, inside);
  const named = best.members.map((i, at) => ({ ...tensors[i]!, name: best.renamed.names[at]! }));
  const recognised = recognise(named);
  const { tensors: own, changes: folded } = withoutAliases(named, recognised);
  // The optimizer's numbers may lie among the weights.
  const isWeight = ({ name }: SourceTensor): boolean => !isOptimizer(unwrapped(name).split('.'));
  const { kept, left } = extrasOf(source, keys, choices);
  const all = [...own.filter(isWeight), ...kept];
  if (new Set(all.map(({ name }) => name)).size !== all.length)
    throw new UserError(`${file}: two tensors in it have the same name`);
  const removed = inName === '' ? [] : [{ text: `prefix "${inName}" removed`, count: own.length }];
  const side = branchOf(best.prefix.split('.')) ?? best.branch;
  const besideTeacher =
    choices.others.some(({ branch }) => branch === 'teacher') ||
    tensors.some(({ path }) => inside(path) && branchOf([unwrapped(path.slice(keys.length).join('.')).split('.')[0]!]));
  return {
    choice: best,
    wrapper: keys.join('.'),
    branch: side ?? (besideTeacher ? 'student' : null),
    changes: [...removed, ...best.renamed.changes, ...folded],
    shared: own.length - new Set(own.map(({ storage }) => storage)).size,
    tensors: all,
    others: [...own.filter((tensor) => !isWeight(tensor)).map(({ name }) => name), ...left],
    skipped: [...source.skipped, ...source.objects.map(({ path }) => ({ path, reason: 'an object, not made' }))]
      .filter(({ path }) => inside(path))
      .map(({ path, reason }) => ({ name: path.slice(keys.length).join('.'), reason })),
    beside: besides(source, keys),
    // A branch that is taken already cannot be asked for.
    alternatives: choices.others
      .filter((other) => nameOf(other) !== (side ?? 'student'))
      .map((other) => ({ branch: nameOf(other), prefix: other.prefix })),
    ...(recognised && { recognised }),
  };
}
