import { basename, dirname } from 'node:path';

/** One image of a data set, with its label where labels were asked for. Paths are absolute. */
export interface Case {
  /** Unique within the list: the image's file name without `.nii(.gz)`, with its source in front where that is ambiguous. */
  readonly id: string;
  /** One file, or one per channel. */
  readonly image: string | readonly string[];
  readonly label?: string;
  /** Names of the classes that the label map tells of, where it does not tell of all. */
  readonly labelled?: readonly string[];
  /** Name of the source that the case came from. */
  readonly source: string;
}

/** The image files of a case as a list. */
export function imageFiles(item: Pick<Case, 'image'>): readonly string[] {
  return typeof item.image === 'string' ? [item.image] : item.image;
}

const VOLUME_FILE = /\.nii(\.gz)?$/i;

/** Whether a file name looks like a volume we can read; hidden files (macOS writes `._name.nii.gz`) do not count. */
export function isVolumeFile(file: string): boolean {
  return VOLUME_FILE.test(file) && !basename(file).startsWith('.');
}

/** File name without its folder and `.nii(.gz)`. */
export function caseName(file: string): string {
  return basename(file).replace(VOLUME_FILE, '');
}

/** Gives every case an id that no other case has, by as little of its origin as is needed. */
export function withUniqueIds(cases: readonly Omit<Case, 'id'>[]): Case[] {
  const first = (item: Omit<Case, 'id'>) => imageFiles(item)[0]!;
  const candidates = [
    (item: Omit<Case, 'id'>) => caseName(first(item)),
    (item: Omit<Case, 'id'>) => `${item.source}/${caseName(first(item))}`,
    (item: Omit<Case, 'id'>) => `${item.source}/${basename(dirname(first(item)))}/${caseName(first(item))}`,
  ];
  const counts = candidates.map((name) => {
    const seen = new Map<string, number>();
    for (const item of cases) seen.set(name(item), (seen.get(name(item)) ?? 0) + 1);
    return seen;
  });
  const repeated = new Map<string, number>();
  return cases.map((item) => {
    const at = candidates.findIndex((name, i) => counts[i]!.get(name(item)) === 1);
    if (at >= 0) return { id: candidates[at]!(item), ...item };
    const name = candidates.at(-1)!(item);
    const number = (repeated.get(name) ?? 0) + 1;
    repeated.set(name, number);
    return { id: `${name}#${number}`, ...item };
  });
}
