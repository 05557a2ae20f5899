import { networkDescriptors } from '../../nets/descriptors';
import type { Renaming } from '../../nets/descriptor';
import { listOf } from '../../text';

/** How well a tensor fits a network: by name and shape, by its name alone, or not at all. */
export type Fit = 'whole' | 'name' | 'none';

/** The network that weights are looked for. */
export interface Target {
  fit(name: string, shape: readonly number[]): Fit;
  /** What brings names of the network's authors to its own, by network; each is tried alone. */
  readonly renamings: readonly (readonly Renaming[])[];
}

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A network whose tensors are known by name and shape. */
export function layoutTarget(layout: readonly Named[]): Target {
  const shapes = new Map(layout.map(({ name, shape }) => [name, shape.join()]));
  return {
    fit(name, shape) {
      const expected = shapes.get(name);
      return expected === undefined ? 'none' : expected === shape.join() ? 'whole' : 'name';
    },
    renamings: networkDescriptors.all.map(({ stateDict }) => stateDict.renamings),
  };
}

/** Any network of one kind, whatever its size: known by the names of its tensors alone. */
export function familyTarget({ stateDict }: (typeof networkDescriptors.all)[number]): Target {
  const names = stateDict.names ?? stateDict.encoder;
  return { fit: (name) => (names.test(name) ? 'whole' : 'none'), renamings: [stateDict.renamings] };
}

/** What trainings on several devices, compilers and checkpointing put between the parts of names. */
const WRAPPERS = ['module', '_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'];
const WRAPPING = new RegExp(String.raw`(^|\.)(?:(?:${WRAPPERS.join('|')})\.)+`, 'g');

/** A name without the parts that wrapping a module adds to it, `module.` in particular. */
export const unwrapped = (name: string): string => name.replace(WRAPPING, '$1');

/** What {@link unwrapped} took out of names, for people: `prefix "module." removed`. */
export function unwrappedText(names: readonly string[]): string {
  const inside = (word: string): RegExp => new RegExp(String.raw`(^|\.)${word}\.`);
  const found = WRAPPERS.filter((word) => names.some((name) => inside(word).test(name)));
  const words = listOf(found.map((word) => `"${word}."`), 'and'); // prettier-ignore
  return names.every((name) => unwrapped(name) === name || name.endsWith(`.${unwrapped(name)}`))
    ? `prefix ${words} removed`
    : `${words} removed inside of names`;
}

/** Names of a group of tensors brought to those of a network, in their order. */
export interface Renamed {
  readonly names: readonly string[];
  /** What was done, for people, and to how many names. */
  readonly changes: readonly { readonly text: string; readonly count: number }[];
  /** Tensors that fit by name and shape, and those that fit by name alone. */
  readonly whole: number;
  readonly byName: number;
}

type Draft = Pick<Renamed, 'names' | 'changes'>;

function applied(draft: Draft, renamings: readonly Renaming[]): Draft {
  let { names } = draft;
  const changes = [...draft.changes];
  for (const { where, pattern, by, text } of renamings) {
    if (!names.some((name) => where.test(name))) continue;
    const next = names.map((name) => name.replace(pattern, by));
    const count = next.filter((name, i) => name !== names[i]).length;
    if (count > 0) changes.push({ text, count });
    names = next;
  }
  return { names, changes };
}

/** Keeps new names only where they are the network's, and those of before where two tensors would get the same. */
function settled(
  group: readonly Named[],
  { names, changes }: Draft,
  before: readonly string[],
  target: Target,
): Renamed {
  const fits = group.map(({ shape }, i) => target.fit(names[i]!, shape));
  const whole = fits.filter((fit) => fit === 'whole').length;
  const byName = fits.filter((fit) => fit === 'name').length;
  const taken = new Map<string, number>();
  for (const name of names) taken.set(name, (taken.get(name) ?? 0) + 1);
  // Names that fit without their shapes count as the network's only beside more that fit with them.
  const isOurs = (i: number): boolean => fits[i] === 'whole' || (fits[i] === 'name' && whole > byName);
  const final = before.map((name, i) => (isOurs(i) && taken.get(names[i]!) === 1 ? names[i]! : name));
  const renamed = final.filter((name, i) => name !== group[i]!.name).length;
  const lost = [...taken.values()].reduce((sum, count) => sum + (count > 1 ? count : 0), 0);
  return { names: final, changes: renamed > 0 ? changes : [], whole: Math.max(0, whole - lost), byName };
}

const better = (a: Renamed, b: Renamed): boolean => b.whole > a.whole || (b.whole === a.whole && b.byName > a.byName);

/** The renaming of a group under which most of it fits: none, if nothing is gained by one. */
export function renamedFor(group: readonly Named[], target: Target): Renamed {
  const plain: Draft = { names: group.map(({ name }) => name), changes: [] };
  const bare = plain.names.map(unwrapped);
  const wrapped = bare.filter((name, i) => name !== plain.names[i]).length;
  const drafts = [plain];
  if (wrapped > 0 && new Set(bare).size === bare.length)
    drafts.push({ names: bare, changes: [{ text: unwrappedText(plain.names), count: wrapped }] });
  const variants = drafts.flatMap((draft) =>
    [draft, ...target.renamings.map((list) => applied(draft, list))].map((one) =>
      settled(group, one, draft.names, target),
    ),
  );
  return variants.reduce((a, b) => (better(a, b) ? b : a));
}
