import { basename, dirname, join } from 'node:path';
import { LABEL_ENDINGS } from '../../files/volumeNames';
import { groupedBy } from '../../registry/grouped';
import { caseName } from './case';
import { firstFile, type Found } from './found';
import { isItem, readJson, type Item } from './json';
import { byName } from './glob';
import { isFile } from '../../files/kinds';

/** The last part of a file's name in the raw data of nnU-Net: the number of its channel. */
const CHANNEL = /_(\d{4})$/;
/** More files of one name than this are no channels but cases. */
const MOST_CHANNELS = 16;

/** Names of the channels in a `dataset.json` of nnU-Net: version 2's `channel_names`, or version 1's (and MSD's) `modality`. */
export function channelNames(content: Item): string[] | undefined {
  const named = content.channel_names ?? content.modality;
  if (Array.isArray(named)) return named.map(String);
  if (!isItem(named)) return undefined;
  const entries = Object.entries(named).sort(([a], [b]) => Number(a) - Number(b));
  const fits = entries.every(([key], i) => Number(key) === i);
  return fits && entries.length > 0 ? entries.map(([, name]) => String(name)) : undefined;
}

/** Whether a `dataset.json` is one of nnU-Net's version 2, which needs no lists of cases. */
export const isNnunet = (content: Item): boolean =>
  content.channel_names !== undefined || (content.file_ending !== undefined && content.labels !== undefined);

/** The `dataset.json` in a folder or the one above it, if it can be read. */
export async function datasetJsonNear(folder: string): Promise<Item | undefined> {
  for (const place of [folder, dirname(folder)]) {
    const content = await readJson(join(place, 'dataset.json')).catch(() => undefined);
    if (isItem(content)) return content;
  }
  return undefined;
}

/** The label map of a case of nnU-Net: `imagesTr/CASE_0000.nii.gz` → `labelsTr/CASE.nii.gz`. */
async function labelOfCase(folder: string, name: string, like: string): Promise<string | undefined> {
  const parts = /^images?(.*)$/i.exec(basename(folder));
  if (!parts) return undefined;
  const ending = basename(like).slice(caseName(like).length);
  for (const end of new Set([ending, ...LABEL_ENDINGS])) {
    const file = join(dirname(folder), `labels${parts[1]}`, name + end);
    if (await isFile(file)) return file;
  }
  return undefined;
}

type Groups = ReadonlyMap<string, ReadonlyMap<number, string>>;

function grouped(files: readonly string[]): { groups: Groups; others: string[] } {
  const groups = new Map<string, Map<number, string>>();
  const others: string[] = [];
  for (const file of files) {
    const name = caseName(file);
    const found = CHANNEL.exec(name);
    if (!found) others.push(file);
    else {
      const prefix = name.slice(0, found.index);
      groups.set(prefix, (groups.get(prefix) ?? new Map<number, string>()).set(Number(found[1]), file));
    }
  }
  return { groups, others };
}

/** How many channels the files of a folder have by their names alone: where several cases have the same numbers from 0 on. */
function channelsByNames(groups: Groups): number {
  const numbers = new Set([...groups.values()].flatMap((group) => [...group.keys()]));
  const count = Math.max(...numbers) + 1;
  const contiguous = numbers.size === count && count <= MOST_CHANNELS;
  const full = [...groups.values()].filter((group) => group.size === count).length;
  return contiguous && groups.size > 1 && 2 * full >= groups.size ? count : 0;
}

/** How many channels the files of a folder have; 0: they are no channels. */
async function countChannels(
  folder: string,
  groups: Groups,
  others: readonly string[],
  names: readonly string[] | undefined,
): Promise<number> {
  const highest = Math.max(...[...groups.values()].flatMap((group) => [...group.keys()]));
  const [prefix, group] = [...groups][0]!;
  const [first] = [...group.values()];
  // A label of a file's whole name: the number is the case's.
  if (await labelOfCase(folder, caseName(first!), first!)) return 0;
  const labelled = (await labelOfCase(folder, prefix, first!)) !== undefined;
  if (names && others.length === 0 && highest < names.length && (names.length > 1 || highest === 0))
    return Math.max(names.length, 1);
  if (labelled && highest < MOST_CHANNELS) return highest + 1;
  return others.length === 0 ? channelsByNames(groups) : 0;
}

/**
 * Puts images whose names end with the number of a channel (`CASE_0000`, `CASE_0001`, …: the raw data of nnU-Net) together to
 * cases. Whether they are channels, the `dataset.json` beside them, their labels, and their names tell. Others stay as they are.
 *
 * @param files of one folder
 */
async function casesOfFolder(folder: string, files: readonly string[], source: string): Promise<Found[]> {
  const plain = (): Found[] => files.map((image) => ({ image, source }));
  const { groups, others } = grouped(files);
  if (groups.size === 0) return plain();
  const content = await datasetJsonNear(folder);
  const names = content && channelNames(content);
  // One file a case, as from a pattern that chooses a channel.
  if ([...groups.values()].every((group) => group.size === 1)) return plain();
  const count = await countChannels(folder, groups, others, names);
  if (count <= 1) return plain();
  const cases = [...groups].map(([name, group]): Found => {
    const image = Array.from({ length: count }, (_, i) => group.get(i) ?? '');
    return { image, name, source, channels: image.map((_, i) => names?.[i] ?? '') };
  });
  return [...cases, ...others.map((image) => ({ image, source }))];
}

/** The images of folders as cases; see {@link casesOfFolder}. */
export async function casesOfFiles(files: readonly string[], source: string): Promise<Found[]> {
  const cases: Found[] = [];
  for (const [folder, list] of groupedBy(files, dirname)) cases.push(...(await casesOfFolder(folder, list, source)));
  return cases.sort((a, b) => byName(firstFile(a), firstFile(b)));
}
