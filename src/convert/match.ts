import { authorsNames } from '../runs/import';

interface Named {
  readonly name: string;
}

/** Names of a weights file brought to those of a network. */
export interface NameMatch<Entry extends Named> {
  readonly entries: Entry[];
  /** What was done to the names, for people. */
  readonly changes: string[];
  /** Tensors of other modules of the file (teacher, projector, …), which the network does not have. */
  readonly others: string[];
}

/** What distributed training puts in front of names. */
const MODULE = 'module.';

type Rename = (name: string) => string | undefined;

const strip =
  (prefix: string): Rename =>
  (name) =>
    name.startsWith(prefix) ? name.slice(prefix.length) : undefined;

/** What may stand in front of a network's names: nothing, or the module that holds it in a training's checkpoint. */
function candidates(branch: 'student' | 'teacher'): { text: string; rename: Rename }[] {
  const prefixes = [`${branch}.`, 'backbone.', 'model.', 'net.', 'network.', 'encoder.'];
  return [
    { text: '', rename: (name) => name },
    ...prefixes.map((prefix) => ({ text: `prefix "${prefix}" removed`, rename: strip(prefix) })),
  ];
}

/**
 * Finds under which prefix a file holds the network: the one that brings most names to those of the network. Before that,
 * "module." (of distributed training) is removed, and names of the network's authors are brought to ours.
 *
 * @param targets names of the network's tensors
 */
export function matchNames<Entry extends Named>(
  entries: readonly Entry[],
  targets: ReadonlySet<string>,
  branch: 'student' | 'teacher',
): NameMatch<Entry> {
  const changes: string[] = [];
  if (entries.some(({ name }) => name.startsWith(MODULE))) changes.push(`prefix "${MODULE}" removed`);
  const plain = entries.map((entry) => ({ ...entry, name: strip(MODULE)(entry.name) ?? entry.name }));
  const authors = authorsNames(plain.map(({ name }) => name));
  changes.push(...authors.changes.map(({ text }) => text));
  const current = plain.map((entry) => ({ ...entry, name: authors.names.get(entry.name)! }));
  const scored = candidates(branch).map((candidate) => {
    const hits = current.filter(({ name }) => targets.has(candidate.rename(name) ?? '')).length;
    return { ...candidate, hits };
  });
  const best = scored.reduce((a, b) => (b.hits > a.hits ? b : a));
  if (best.text) changes.push(best.text);
  const taken: Entry[] = [];
  const others: string[] = [];
  for (const entry of current) {
    const name = best.rename(entry.name);
    if (name === undefined) others.push(entry.name);
    else taken.push({ ...entry, name });
  }
  return { entries: taken, changes, others };
}
