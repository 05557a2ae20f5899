import { networkDescriptors } from '../../nets/descriptors';
import type { Branch } from './stateDict';

/** How a file's names become those of the network alone. */
export interface NameMap {
  /** New name by old; those of other modules of the file (the other branch, the optimizer) are not in it. */
  readonly names: ReadonlyMap<string, string>;
  /** What was done, for people, and to how many names. */
  readonly changes: { readonly text: string; readonly count: number }[];
  /** Left out: names of the other branch and of the optimizer. */
  readonly others: string[];
}

class Names {
  readonly changes: { text: string; count: number }[] = [];
  readonly others: string[] = [];
  private current: Map<string, string>;

  constructor(names: Iterable<string>) {
    this.current = new Map([...names].map((name) => [name, name]));
  }

  get map(): ReadonlyMap<string, string> {
    return this.current;
  }

  some(test: RegExp): boolean {
    return [...this.current.values()].some((name) => test.test(name));
  }

  /** Renames where the pattern fits; nothing at all where that would give two tensors one name. */
  replace(pattern: RegExp, by: string, text: string): void {
    const renamed = [...this.current].map(([old, name]): [string, string] => [old, name.replace(pattern, by)]);
    const count = renamed.filter(([old, name]) => name !== this.current.get(old)).length;
    if (count === 0 || new Set(renamed.map(([, name]) => name)).size !== renamed.length) return;
    this.current = new Map(renamed);
    this.changes.push({ text, count });
  }

  drop(pattern: RegExp): void {
    for (const [old, name] of this.current) {
      if (!pattern.test(name)) continue;
      this.current.delete(old);
      this.others.push(old);
    }
  }
}

/** The branch that is asked for, where a training's file has student and teacher, or a backbone with projectors. */
function chooseBranch(names: Names, branch: Branch): Branch | undefined {
  if (names.some(/^backbone\./)) {
    names.replace(/^backbone\./, '', 'prefix "backbone." removed');
    return 'student';
  }
  const sides = ['student', 'teacher'] as const;
  // A head alone is no network: that is how the TPAMI code names its projectors.
  const here = sides.filter((side) => names.some(new RegExp(String.raw`^${side}\.(?!layer\d|proj_head)`)));
  const chosen = here.includes(branch) ? branch : here[0];
  if (chosen === undefined) return undefined;
  names.drop(chosen === 'student' ? /^teacher\./ : /^student\./);
  names.replace(new RegExp(String.raw`^${chosen}\.`), '', `prefix "${chosen}." removed`);
  return chosen;
}

/** Renames as the networks' descriptors say that their authors' files are read. */
function fromAuthors(names: Names): void {
  for (const { where, pattern, by, text } of networkDescriptors.all.flatMap(({ stateDict }) => stateDict.renamings))
    if (names.some(where)) names.replace(pattern, by, text);
}

/** Names brought from those of networks' authors to those of our state dicts, without a look at the branches of a file. */
export function authorsNames(fileNames: Iterable<string>): Pick<NameMap, 'names' | 'changes'> {
  const names = new Names(fileNames);
  fromAuthors(names);
  return { names: names.map, changes: names.changes };
}

/**
 * Brings the names of a file to those of the network: as the released loaders do (`module.`, `backbone.`), for the branches of
 * a pre-training, and as each network's descriptor says.
 *
 * @returns also the branch that was taken, where the file has branches
 */
export function mapNames(fileNames: Iterable<string>, branch: Branch): NameMap & { branch: Branch | undefined } {
  const names = new Names(fileNames);
  names.drop(/^optimizer\./);
  names.replace(/(^|\.)(?:module\.|_orig_mod\.)+/g, '$1', 'prefix "module." removed');
  const chosen = chooseBranch(names, branch);
  fromAuthors(names);
  return { names: names.map, changes: names.changes, others: names.others, branch: chosen };
}
