import { stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { UserError } from '../../errors/userError';
import { isDicomFile } from '../../volume';
import { isVolumeFile } from './case';
import { firstFile, type Found } from './found';
import { isItem, readJson, type Item } from './json';
import { channelNames, datasetJsonNear, isNnunet } from './nnunet';
import { withChannelFiles } from './nnunetList';
import { isNnssl, nnsslEntries } from './nnssl';
import { listedPath } from './paths';
import { casesOfEntries, completeCases } from './problems';
import { listedRegionMasks } from './regionMasks';
import { readPathList, readTableList } from './textLists';

/** Keys that lists in the wild use where the format says `image` or `label`. */
const MISSPELT: Record<'image' | 'label', readonly string[]> = {
  image: ['images', 'Image', 'img', 'imgs', 'volume', 'file', 'path'],
  label: ['labels', 'Label', 'seg', 'mask', 'segmentation', 'annotation'],
};

const LINE_ADVICE: Record<'image' | 'label', string> = {
  image: 'write the path of a volume first',
  label: 'fine-tuning needs one: write its path behind that of the image, or in the column "label"',
};

/** What is no list of cases, whatever its content is. */
const NO_LISTS = /\.(xlsx?|ods|parquet|ya?ml|xml|pdf|npz|npy|pkl|pickle|h5|hdf5|mat|zip|gz|pt|pth|safetensors)$/i;

export interface DecathlonOptions {
  /** List inside the file; `training` by default. */
  readonly key?: string;
  /** Only entries whose `fold` is one of these; all by default. */
  readonly folds?: readonly number[] | undefined;
  /** Folder that relative paths start from; the file's own by default. */
  readonly baseDir?: string;
  /**
   * Read labels too, and refuse entries without one. Without it they are dropped, as for self-supervised lists that carry some
   * (LUNA16). `if named`: read those that there are.
   */
  readonly labels: boolean | 'if named';
  readonly source: string;
}

/** What cases of nnU-Net's `"dataset": { "case1": { "images": […], "label": … } }` are as entries of a list. */
function datasetEntries(dataset: Item): Item[] {
  return Object.entries(dataset).flatMap(([name, item]) =>
    isItem(item) && Array.isArray(item.images) ? [{ image: item.images as unknown, label: item.label, name }] : [],
  );
}

/**
 * Reads a list of cases: JSON with lists (Decathlon, MONAI, nnU-Net), a JSON array of cases, JSON Lines, nnssl's
 * `pretrain_data.json`, a table (`.csv`, `.tsv`) or one path a line (`.txt`). What has no keys is the list `training`.
 *
 * @throws UserError naming the file, and the line where there is one
 */
export async function readDatalist(file: string): Promise<Item> {
  const kind = extname(file).toLowerCase();
  const isVolume = `${file}: is a volume, not a list of volumes; name its folder: { "folder": … }`;
  if (isVolumeFile(file)) throw new UserError(isVolume);
  if (kind === '.csv' || kind === '.tsv') return { training: await readTableList(file) };
  if (kind === '.txt' || kind === '.list' || kind === '.lst') return { training: await readPathList(file) };
  const folder = (await stat(file).catch(() => undefined))?.isDirectory();
  if (folder) throw new UserError(`${file}: is a folder, not a list; write { "folder": ${JSON.stringify(file)} }`);
  if (await isDicomFile(file)) throw new UserError(isVolume);
  if (NO_LISTS.test(file))
    throw new UserError(
      `${file}: ${kind} files are not read as lists; write JSON, CSV (a spreadsheet saves one), or a text with one path a line`,
    );
  const parsed = await readJson(file);
  if (isSplits(parsed))
    throw new UserError(
      `${file}: these are the splits of nnU-Net (names for training and validation), not a list of cases: point at the folder of the raw data`,
    );
  if (Array.isArray(parsed)) {
    if (parsed.length > 0) return { training: parsed as unknown[] };
    throw new UserError(`${file}: is an empty list; expected a JSON object with a list such as "training", or cases`);
  }
  if (!isItem(parsed))
    throw new UserError(`${file}: expected a JSON object with a list such as "training" (Decathlon format)`);
  if (isNnssl(parsed)) return { ...parsed, training: nnsslEntries(parsed, file) };
  if (isItem(parsed.dataset)) return { ...parsed, training: datasetEntries(parsed.dataset) };
  return parsed;
}

/** Whether this is nnU-Net's `splits_final.json`: one `{ train: names, val: names }` a fold. */
const isSplits = (content: unknown): boolean =>
  Array.isArray(content) &&
  content.length > 0 &&
  content.every((item) => isItem(item) && Array.isArray(item.train) && Array.isArray(item.val));

/** Names of the lists in a datalist, with their lengths. */
export function datalistKeys(content: Item): { key: string; count: number }[] {
  return Object.entries(content)
    .filter(([, value]) => Array.isArray(value) && value.some((item) => typeof item === 'string' || isItem(item)))
    .filter(([key, value]) => key !== 'regions_class_order' && !isChannelNames(value as unknown[]))
    .map(([key, value]) => ({ key, count: (value as unknown[]).length }));
}

function isChannelNames(list: unknown[]): boolean {
  return list.every((item) => typeof item === 'string' && !item.includes('/') && !isVolumeFile(item));
}

function pickList(content: Item, key: string, file: string): unknown[] {
  const list = content[key];
  if (Array.isArray(list)) return list;
  const keys = datalistKeys(content);
  if (keys.length === 0 && isNnunet(content))
    throw new UserError(
      `${file}: this is an nnU-Net dataset.json without cases: point at its folder: { "folder": ${JSON.stringify(dirname(file))} }`,
    );
  if (keys.length === 0 && (content.plans_name !== undefined || content.fingerprint !== undefined))
    throw new UserError(
      `${file}: these are plans of nnU-Net, not a list of cases: point at the folder of the raw data`,
    );
  const there = keys.map((entry) => `"${entry.key}" (${entry.count})`).join(', ');
  const advice = keys.length > 0 ? `it has ${there}; set "key" to one of these` : 'it has no list of cases at all';
  if (list !== undefined) throw new UserError(`${file}: "${key}" is not a list; ${advice}`);
  throw new UserError(`${file}: no list "${key}"; ${advice}`);
}

function pathsOf(item: Item, field: 'image' | 'label', where: string): string | string[] {
  const value = item[field];
  if (typeof value === 'string' && value !== '') return value;
  if (Array.isArray(value) && value.some((part) => typeof part === 'string' && part !== '')) {
    // A channel that the case lacks is null or an empty text.
    const parts = value.map((part: unknown) => part ?? '');
    if (parts.every((part) => typeof part === 'string')) return parts;
  }
  const other = MISSPELT[field].find((name) => item[name] !== undefined);
  if (value === undefined && other !== undefined)
    throw new UserError(`${where} has the key "${other}" instead of "${field}"; rename it in the datalist`);
  if (value === undefined) {
    // Lines of a text or table say where they stand; that is no key of theirs.
    if (item.where === where) throw new UserError(`${where}: no ${field} is named; ${LINE_ADVICE[field]}`);
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

/** Whether a path without a volume's ending may be one: a folder with a series, or a DICOM file. */
async function mayBeDicom(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && (found.isDirectory() || isDicomFile(path));
}

/** An entry of a list that names an image. */
interface Entry {
  readonly content: unknown;
  /** Names the entry in errors. */
  readonly where: string;
  readonly base: string;
}

/** The image of an entry: without one it is no case. @throws UserError when none is named */
function imageOf({ content, where, base }: Entry, source: string): Found {
  if (typeof content === 'string') return { image: listedPath(base, content, where), source };
  if (!isItem(content)) throw new UserError(`${where}: expected an object with "image"`);
  const image = pathsOf(content, 'image', where);
  return {
    image:
      typeof image === 'string'
        ? listedPath(base, image, where)
        : image.map((part) => (part === '' ? '' : listedPath(base, part, where))),
    source,
    ...(typeof content.name === 'string' && content.name !== '' && { name: content.name }),
  };
}

/** A case with its label, or else its region masks. @throws UserError when it lacks a label, or its image is no volume */
async function withItsLabel(found: Found, { content, where, base }: Entry, labels: DecathlonOptions['labels']) {
  if (!isItem(content)) {
    if (!isVolumeFile(String(content)) && !(await mayBeDicom(firstFile(found))))
      throw new UserError(
        `${where} is "${String(content)}", which is not a .nii or .nii.gz file, nor a volume of another format, nor the folder of a DICOM series; list the images themselves`,
      );
    if (labels === true) throw new UserError(`${where} is only a path, without a label; fine-tuning needs labels`);
    return found;
  }
  const named = content.label !== undefined && content.label !== '';
  const regions = labels === true ? {} : listedRegionMasks(content, base, where);
  if (!labels || (labels === 'if named' && !named)) return { ...found, ...regions };
  const label = pathsOf(content, 'label', where);
  if (typeof label !== 'string') throw new UserError(`${where}: "label" must be one path, not a list`);
  return { ...found, ...regions, label: listedPath(base, label, where), ...labelledOf(content, where) };
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

/** The channels that the `dataset.json` of nnU-Net beside the images names, where a list elsewhere does not. */
async function channelsNear(cases: readonly Found[]): Promise<string[] | undefined> {
  const image = cases[0]?.image;
  if (typeof image !== 'string') return undefined;
  const near = await datasetJsonNear(dirname(image));
  return near && isNnunet(near) ? channelNames(near) : undefined;
}

/**
 * Reads one list of a datalist (MONAI `load_decathlon_datalist` and the other forms of {@link readDatalist}): items are objects
 * with `image` (a path, or one per channel) and `label`, or plain paths. Paths are joined to the base folder. Free text such as
 * `numTraining` is ignored, since it is often wrong; entries are counted instead. An entry without an image or label, or whose image
 * is no volume, is a case with a problem; where all are so, the list is wrong.
 *
 * @throws UserError naming the file, and the entry, for an absent or empty list, and misspelt keys
 */
export async function readDecathlon(file: string, options: DecathlonOptions): Promise<Found[]> {
  const key = options.key ?? 'training';
  const content = await readDatalist(file);
  const list = pickList(content, key, file);
  if (list.length === 0) throw new UserError(`${file}: the list "${key}" is empty`);
  const base = options.baseDir ?? dirname(file);
  const chosen = options.folds ? inFolds(list, options.folds, `${file}: the list "${key}"`) : [...list.keys()];
  const entries = chosen.map((i): Entry => {
    const content = list[i];
    const where = isItem(content) && typeof content.where === 'string' ? content.where : `${file}: ${key}[${i}]`;
    return { content, where, base };
  });
  const { source } = options;
  const images = casesOfEntries<Entry, Found>(
    entries,
    ({ where }) => where,
    (entry) => imageOf(entry, source),
    (image, problem) => ({ image, problem, source }),
  );
  const found = await completeCases(images, firstFile, (one, i) => withItsLabel(one, entries[i]!, options.labels));
  return withChannelFiles(found, channelNames(content) ?? (await channelsNear(found)));
}
