import type { Case } from '../../data/datalist/case';
import type { CaseVerdict, LabelDemands } from '../../data/judge';
import { counted, listOf } from '../../text';
import type { Finding } from './finding';

export interface LabelledVerdict {
  readonly item: Case;
  readonly verdict: CaseVerdict;
}

/** Classes that no label map of a list holds, where all were read: the network cannot learn them, or their score is unknown. */
export function absentClasses(list: readonly LabelledVerdict[], which: 'training' | 'held-out', labels: LabelDemands) {
  const read = list.filter(({ verdict }) => verdict.labelCounts);
  const unread = list.some(({ verdict }) => !verdict.labelCounts && verdict.images.length > 0);
  if (read.length === 0 || unread) return [];
  const seen = new Set(
    read.flatMap(({ verdict }) => verdict.labelCounts!.filter(([, voxels]) => voxels > 0).map(([value]) => value)),
  );
  const absent = labels.classes.filter(({ values }) => !values.some((value) => seen.has(value)));
  // A list without any label is told of case by case.
  if (absent.length === 0 || absent.length === labels.classes.length) return [];
  const names = absent.map(({ name, values }) => `${name} (${values.join(', ')})`);
  const finding: Finding = {
    severity: 'warning',
    // A label map that was merged from masks lies in the cache, where nobody knows it.
    file: read[0]!.item.masks?.[0]?.file ?? read[0]!.item.label!,
    message: `this and the other label maps, ${counted(read.length, `${which} case`)}, have no voxel of ${listOf(names, 'and')}`,
    advice:
      which === 'training'
        ? 'the network cannot learn what it never sees: add cases, or take the class out of the task'
        : 'its score stays undefined: hold other cases out, if it matters',
  };
  return [finding];
}
