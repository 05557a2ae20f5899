import { basename, dirname } from 'node:path';
import { isVolumeName, withoutVolumeEnding } from '../../files/volumeNames';
import { counted, plural } from '../../text';
import type { CaseProblem, Found, Mask, RegionMasks } from './found';

/** One image of a data set, with its label where labels were asked for. Paths are absolute. */
export interface Case {
  /** Unique within the list: the image's file name without `.nii(.gz)`, with its source in front where that is ambiguous. */
  readonly id: string;
  /** One file, or one per channel. */
  readonly image: string | readonly string[];
  /** Numbers of channels that the case has no file of and that are filled with zeros; `image` has the files of the others. */
  readonly missing?: readonly number[];
  readonly label?: string;
  /** Names of the classes that the label map tells of, where it does not tell of all. */
  readonly labelled?: readonly string[];
  /** Masks that are merged into the label map, one a class (see `mergeMasks`). */
  readonly masks?: readonly Mask[];
  /** Masks of the image that pre-training reads. */
  readonly regionMasks?: RegionMasks;
  /** Why the case cannot be used, where that is known before its files are read: it has no label, or no masks that fit. */
  readonly problem?: CaseProblem;
  /** Name of the source that the case came from. */
  readonly source: string;
}

/** The image files of a case as a list. */
export function imageFiles(item: Pick<Case, 'image'>): readonly string[] {
  return typeof item.image === 'string' ? [item.image] : item.image;
}

/** Whether a file name looks like a volume we can read; hidden files (macOS writes `._name.nii.gz`) do not count. */
export function isVolumeFile(file: string): boolean {
  return isVolumeName(file) && !basename(file).startsWith('.');
}

/** File name without its folder and `.nii.gz`, `.nrrd`, …. */
export function caseName(file: string): string {
  return withoutVolumeEnding(basename(file));
}

/** Ids that differ only in case or in the spelling of accents would be one file on some disks. */
const folded = (id: string): string =>
  id
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[/\\#]/g, '_');

/**
 * Gives every case an id that no other case has, by as little of its origin as is needed: the image's file name, its source
 * and folder in front where that is ambiguous, and a number behind where even that is.
 *
 * @param onNote told of cases that need a number
 */
export function withUniqueIds(cases: readonly Found[], onNote?: (message: string) => void): Case[] {
  const first = (item: Found) => imageFiles(item)[0]!;
  const own = (item: Found) => item.name ?? caseName(first(item));
  const candidates = [
    own,
    (item: Found) => `${item.source}/${own(item)}`,
    (item: Found) => `${item.source}/${basename(dirname(first(item)))}/${own(item)}`,
  ];
  const counts = candidates.map((name) => {
    const seen = new Map<string, number>();
    for (const item of cases) seen.set(folded(name(item)), (seen.get(folded(name(item))) ?? 0) + 1);
    return seen;
  });
  const repeated = new Map<string, number>();
  const found = cases.map(({ name: _, channels: __, ...item }, place) => {
    const whole = cases[place]!;
    const at = candidates.findIndex((name, i) => counts[i]!.get(folded(name(whole))) === 1);
    if (at >= 0) return { id: candidates[at]!(whole), ...item };
    const name = candidates.at(-1)!(whole);
    const number = (repeated.get(folded(name)) ?? 0) + 1;
    repeated.set(folded(name), number);
    return { id: `${name}#${number}`, ...item };
  });
  const clashes = [...repeated.values()].filter((count) => count > 1).length;
  const one = found.find(({ id }) => /#1$/.test(id));
  if (clashes > 0 && one)
    onNote?.(
      `${imageFiles(one)[0]}: ${counted(clashes, 'name')} of cases ${plural(clashes, 'occurs', 'occur')} more than once, so the cases are numbered (${one.id}, …)`,
    );
  return found;
}
