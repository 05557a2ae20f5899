import type { ResultClass } from '../../protocol/scores';
import type { Look } from '../../protocol/volume';

/** Which labels are seen: those of one class, which are several where classes are regions, as in BraTS. */
export function highlight(
  classes: readonly ResultClass[],
  index: number | undefined,
): Pick<Look, 'label' | 'hiddenLabels'> {
  const own = index === undefined ? undefined : classes[index]?.values;
  if (!own) return { label: null };
  if (own.length === 1) return { label: own[0]!, hiddenLabels: [] };
  const others = new Set(classes.flatMap(({ values }) => values).filter((value) => !own.includes(value)));
  return { label: null, hiddenLabels: [...others] };
}
