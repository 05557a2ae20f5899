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
    // MONAI's model_swinvit.pt holds the transformer alone.
    { text: 'prefix "swinViT." added', rename: (name) => `swinViT.${name}` },
  ];
}

/**
 * Finds under which prefix a file holds the network: the one that brings most names to those of the network. Before that,
 * "module." (of distributed training) is removed and "swin_vit" becomes "swinViT", as the released loaders do.
 *
 * @param targets names of the network's tensors
 */
export function matchNames<Entry extends Named>(
  entries: readonly Entry[],
  targets: ReadonlySet<string>,
  branch: 'student' | 'teacher',
): NameMatch<Entry> {
  const changes: string[] = [];
  const rename = (pattern: RegExp, by: string, text: string, list: readonly Entry[]): Entry[] => {
    if (list.some(({ name }) => pattern.test(name))) changes.push(text);
    return list.map((entry) => ({ ...entry, name: entry.name.replace(pattern, by) }));
  };
  const plain = rename(/^module\./, '', 'prefix "module." removed', entries);
  const current = rename(/swin_vit/, 'swinViT', '"swin_vit" renamed to "swinViT"', plain);
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
