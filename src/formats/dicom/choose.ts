import { basename, dirname, relative, resolve, sep } from 'node:path';
import { AdvisedError, UserError } from '../../errors/userError';
import { groupedBy } from '../../registry/grouped';
import { counted, listOf } from '../../text';
import type { SeriesEntry } from '../types';
import { partsOf, type Part } from './parts';
import { planeOf } from './places';
import type { Target } from './scan';
import { sizeOf, type FileInfo, type Image } from './types';

export interface Choosable extends Part {
  readonly entry: SeriesEntry;
  readonly files: readonly FileInfo[];
}

/** The series of a scan in order of their numbers, each in as many parts as it makes volumes. */
export async function choosable(found: Target): Promise<Choosable[]> {
  const images = found.files.filter(({ other }) => other === undefined);
  const bySeries = groupedBy(images, ({ series }) => series.uid);
  const all = [...bySeries.values()].sort(
    (a, b) =>
      (a[0]!.series.number ?? Infinity) - (b[0]!.series.number ?? Infinity) || (a[0]!.path < b[0]!.path ? -1 : 1),
  );
  const numbers = all.map(([first]) => first!.series.number);
  const lists: Choosable[] = [];
  for (const files of all) {
    const { number, uid } = files[0]!.series;
    const taken = number === null || numbers.filter((one) => one === number).length > 1;
    lists.push(...(await partsOfSeries(files, taken ? uid : String(number))));
  }
  return lists;
}

async function partsOfSeries(files: readonly FileInfo[], key: string): Promise<Choosable[]> {
  const images: Image[] = files.flatMap((file) => file.frames.map((frame) => ({ ...frame, file })));
  if (images.length === 0) return [];
  const parts = await partsOf(images);
  return parts.map((part, i) => {
    const slices = part.channels.flat();
    const [columns, rows] = sizeOf(slices[0]!);
    const own = [...new Set(slices.map(({ file }) => file))];
    return {
      ...part,
      files: own,
      entry: {
        key: parts.length > 1 ? `${key}#${i + 1}` : key,
        ...files[0]!.series,
        slices: slices.length,
        columns,
        rows,
        plane: planeOf(slices[0]!),
        part: part.part,
        folder: dirname(own[0]!.path),
      },
    };
  });
}

/** A file by its name below a folder; by its own beside a file. */
function nameWithin(path: string, file: string): string {
  const name = relative(resolve(path), file).split(sep).join('/');
  return name === '' || name.startsWith('..') ? basename(file) : name;
}

/** A series in one clause: `3 "Thin" (CT, 14 slices of 40×36, axial, file IM1)`. */
function describe({ entry, files }: Choosable, path: string): string {
  const { key, uid, number, description, modality, slices, columns, rows, plane, part } = entry;
  const name = description === '' ? 'no description' : `"${description}"`;
  const label = key.startsWith(uid) && number !== null ? `${key} (number ${number})` : key;
  const facts = [
    modality,
    `${counted(slices, 'slice')} of ${columns}×${rows}`,
    part === '' || part.includes(plane) ? part || plane : `${plane}, ${part}`,
    `file ${nameWithin(path, files[0]!.path)}`,
  ];
  return `${label}: ${name} (${facts.filter((fact) => fact !== '').join(', ')})`;
}

function several(path: string, list: readonly Choosable[]): UserError {
  const uids = new Set(list.map(({ entry }) => entry.uid));
  const planes = new Set(list.map(({ entry }) => entry.plane));
  const what =
    uids.size > 1
      ? `holds ${uids.size} series`
      : `holds a series of ${list.length} volumes${planes.size > 1 ? ` in ${planes.size} orientations (${listOf([...planes], 'and')}), as localizers have` : ''}`;
  const all = list.map((one) => describe(one, path)).join('; ');
  const advice = `give the path of a file of the one that is meant (voco info and voco convert take --series, too): ${all}`;
  return new AdvisedError(path, what, advice);
}

/**
 * The series that is meant.
 *
 * @throws UserError that lists the series when there are several and none is chosen, or the chosen one is not there
 */
export function choose(
  path: string,
  list: readonly Choosable[],
  wanted: string | undefined,
  target: FileInfo | undefined,
): Choosable {
  if (wanted === undefined) {
    const own = target ? list.filter(({ files }) => files.includes(target)) : list;
    if (own.length === 1) return own[0]!;
    throw several(path, own.length > 0 ? own : list);
  }
  const exact = list.filter(({ entry }) => entry.key === wanted);
  if (exact.length === 1) return exact[0]!;
  const found = list.filter(
    ({ entry }) => entry.uid === wanted || String(entry.number) === wanted || entry.key.split('#')[0] === wanted,
  );
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw several(path, found);
  throw new UserError(`${path}: has no series ${wanted}; it has ${list.map((one) => describe(one, path)).join('; ')}`);
}

/** What a folder holds beside images, in words; one line a kind. */
export function othersOf(path: string, files: readonly FileInfo[]): string[] {
  const others = files.filter(({ other }) => other !== undefined);
  const kinds = groupedBy(others, ({ other }) => other!);
  return [...kinds].map(([what, list]) => {
    const name = nameWithin(path, list[0]!.path);
    return list.length > 1 ? `${list.length} × ${what} (${name}, …)` : `${name}: ${what}`;
  });
}
