import type { Case } from '../../data/datalist/case';
import type { CaseVerdict, LabelDemands } from '../../data/judge';
import { counted, listOf } from '../../text';
import type { Finding } from './finding';

export interface LabelledVerdict {
  readonly item: Case;
  readonly verdict: CaseVerdict;
}

/** The names of the classes that the label maps of a list hold, and of those the ones that the cases are said to label. */
function seenIn(read: readonly LabelledVerdict[], { classes }: LabelDemands): { held: Set<string>; told: Set<string> } {
  const [held, told] = [new Set<string>(), new Set<string>()];
  for (const { item, verdict } of read) {
    const values = new Set(verdict.labelCounts!.filter(([, voxels]) => voxels > 0).map(([value]) => value));
    for (const one of classes) {
      if (!one.values.some((value) => values.has(value))) continue;
      held.add(one.name);
      if (item.labelled?.includes(one.name) ?? true) told.add(one.name);
    }
  }
  return { held, told };
}

const ADVICE = {
  training: 'the network cannot learn what it never sees: add cases, or take the class out of the task',
  'held-out': 'its score stays undefined: hold other cases out, if it matters',
};

/**
 * Classes that no label map of a list holds, where all were read, or that no case is said to label: the network cannot learn them, or
 * their score is unknown.
 */
export function absentClasses(
  list: readonly LabelledVerdict[],
  which: keyof typeof ADVICE,
  labels: LabelDemands,
): Finding[] {
  const read = list.filter(({ verdict }) => verdict.labelCounts);
  const unread = list.some(({ verdict }) => !verdict.labelCounts && verdict.images.length > 0);
  if (read.length === 0 || unread) return [];
  const { held, told } = seenIn(read, labels);
  // A list without any label is told of case by case.
  if (held.size === 0) return [];
  const { item } = read[0]!;
  // A label map that was merged from masks lies in the cache, where nobody knows it.
  const file = item.masks?.[0]?.file ?? item.label!;
  const cases = counted(read.length, `${which} case`);
  const finding = (lacking: (name: string) => boolean, what: string, advice: string): Finding[] => {
    const names = labels.classes
      .filter(({ name }) => lacking(name))
      .map(({ name, values }) => `${name} (${values.join(', ')})`);
    if (names.length === 0) return [];
    const message = `this and the other label maps, ${cases}, ${what} ${listOf(names, 'and')}`;
    return [{ severity: 'warning', file, message, advice }];
  };
  return [
    ...finding((name) => !held.has(name), 'have no voxel of', ADVICE[which]),
    ...finding(
      (name) => held.has(name) && !told.has(name),
      'hold voxels, but none that counts, of',
      `no case says in "labelled" that it labels it; ${ADVICE[which]}`,
    ),
  ];
}
