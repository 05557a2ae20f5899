import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError, fileError } from '../../errors/userError';
import { isVolumeFile, type Case } from './case';

/** Keys that lists in the wild use where the format says `image` or `label`. */
const MISSPELT: Record<'image' | 'label', readonly string[]> = {
  image: ['images', 'Image', 'img', 'imgs', 'volume', 'file', 'path'],
  label: ['labels', 'Label', 'seg', 'mask', 'segmentation', 'annotation'],
};

export interface DecathlonOptions {
  /** List inside the file; `training` by default. */
  readonly key?: string;
  /** Only entries whose `fold` is one of these; all by default. */
  readonly folds?: readonly number[] | undefined;
  /** Folder that relative paths start from; the file's own by default. */
  readonly baseDir?: string;
  /** Read labels too. Without it they are dropped, as for self-supervised lists that carry some (LUNA16). */
  readonly labels: boolean;
  readonly source: string;
}

type Item = Record<string, unknown>;

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a Decathlon JSON as an object. @throws UserError naming the file */
export async function readDatalist(file: string): Promise<Item> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw fileError(error, file, 'read the datalist');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UserError(`${file}: not valid JSON: ${oneLine((error as Error).message)}`);
  }
  if (!isItem(parsed))
    throw new UserError(`${file}: expected a JSON object with a list such as "training" (Decathlon format)`);
  return parsed;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 160);
}

/** Names of the lists in a datalist, with their lengths. */
export function datalistKeys(content: Item): { key: string; count: number }[] {
  return Object.entries(content)
    .filter(([, value]) => Array.isArray(value) && value.some((item) => typeof item === 'string' || isItem(item)))
    .filter(([, value]) => !isChannelNames(value as unknown[]))
    .map(([key, value]) => ({ key, count: (value as unknown[]).length }));
}

function isChannelNames(list: unknown[]): boolean {
  return list.every((item) => typeof item === 'string' && !item.includes('/') && !isVolumeFile(item));
}

function pickList(content: Item, key: string, file: string): unknown[] {
  const list = content[key];
  if (Array.isArray(list)) return list;
  const keys = datalistKeys(content);
  const there = keys.map((entry) => `"${entry.key}" (${entry.count})`).join(', ');
  const advice = keys.length > 0 ? `it has ${there}; set "key" to one of these` : 'it has no list of cases at all';
  if (list !== undefined) throw new UserError(`${file}: "${key}" is not a list; ${advice}`);
  throw new UserError(`${file}: no list "${key}"; ${advice}`);
}

function pathsOf(item: Item, field: 'image' | 'label', where: string): string | string[] {
  const value = item[field];
  if (typeof value === 'string' && value !== '') return value;
  if (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string')) return value;
  const other = MISSPELT[field].find((name) => item[name] !== undefined);
  if (value === undefined && other !== undefined)
    throw new UserError(`${where} has the key "${other}" instead of "${field}"; rename it in the datalist`);
  if (value === undefined) {
    const keys = Object.keys(item).map((name) => `"${name}"`);
    throw new UserError(`${where} has no "${field}"; it has ${keys.join(', ') || 'no keys'}`);
  }
  throw new UserError(`${where}: "${field}" must be a path or a list of paths`);
}

/** The classes that an entry says to label. */
function labelledOf({ labelled }: Item, where: string): { labelled?: readonly string[] } {
  if (labelled === undefined) return {};
  if (Array.isArray(labelled) && labelled.length > 0 && labelled.every((name) => typeof name === 'string'))
    return { labelled };
  throw new UserError(`${where}: "labelled" must be a list of class names, such as ["liver"]`);
}

function readItem(item: unknown, where: string, base: string, options: DecathlonOptions): Omit<Case, 'id'> {
  if (typeof item === 'string') {
    if (!isVolumeFile(item))
      throw new UserError(
        `${where} is "${item}", which is not a .nii or .nii.gz file; list the image files themselves`,
      );
    if (options.labels) throw new UserError(`${where} is only a path, without a label; fine-tuning needs labels`);
    return { image: resolve(base, item), source: options.source };
  }
  if (!isItem(item)) throw new UserError(`${where}: expected an object with "image"`);
  const image = pathsOf(item, 'image', where);
  const result = {
    image: typeof image === 'string' ? resolve(base, image) : image.map((part) => resolve(base, part)),
    source: options.source,
  };
  if (!options.labels) return result;
  const label = pathsOf(item, 'label', where);
  if (typeof label !== 'string') throw new UserError(`${where}: "label" must be one path, not a list`);
  return { ...result, label: resolve(base, label), ...labelledOf(item, where) };
}

/** The places of the entries of some folds. @throws UserError when none is there, naming the folds that are */
function inFolds(list: readonly unknown[], folds: readonly number[], where: string): number[] {
  const foldOf = (item: unknown): number | undefined =>
    isItem(item) && typeof item.fold === 'number' ? item.fold : undefined;
  const chosen = [...list.keys()].filter((i) => folds.includes(foldOf(list[i]) ?? -1));
  if (chosen.length > 0) return chosen;
  const known = [...new Set(list.flatMap((item) => foldOf(item) ?? []))].sort((a, b) => a - b);
  throw new UserError(
    known.length > 0
      ? `${where} has no entry of fold ${folds.join(', ')}; it has the folds ${known.join(', ')}`
      : `${where} has entries without "fold"; leave "folds" out of the config and set data.validationFraction or a list of held-out cases`,
  );
}

/**
 * Reads one list of a Decathlon JSON (MONAI `load_decathlon_datalist`): items are objects with `image` (a path, or one per
 * channel) and `label`; a list of plain paths is accepted as well. Paths are joined to the base folder. Free text such as
 * `numTraining` is ignored, since it is often wrong; entries are counted instead.
 *
 * @throws UserError naming the file, and the entry, for an absent or empty list, misspelt keys, and entries that are folders
 */
export async function readDecathlon(file: string, options: DecathlonOptions): Promise<Omit<Case, 'id'>[]> {
  const key = options.key ?? 'training';
  const content = await readDatalist(file);
  const list = pickList(content, key, file);
  if (list.length === 0) throw new UserError(`${file}: the list "${key}" is empty`);
  const base = options.baseDir ?? dirname(file);
  const chosen = options.folds ? inFolds(list, options.folds, `${file}: the list "${key}"`) : [...list.keys()];
  return chosen.map((i) => readItem(list[i], `${file}: ${key}[${i}]`, base, options));
}
