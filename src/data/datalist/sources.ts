import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../../errors/userError';
import { fewAtATime } from '../../files/fewAtATime';
import { literalPattern } from '../../files/pattern';
import { LABEL_ENDINGS } from '../../files/volumeNames';
import { caseWords, isLabelName } from '../../labels/named';
import { RandomStream, streamId } from '../../random/random';
import { groupedBy } from '../../registry/grouped';
import type { ChannelSetting } from '../channels';
import { isDicomFile, volumesAmong } from '../../volume';
import { counted, plural } from '../../text';
import { caseName, imageFiles, isVolumeFile, withUniqueIds, type Case } from './case';
import { readDecathlon } from './decathlon';
import { chooseChannels, firstFile, type ChannelChoice, type Found } from './found';
import { byName, glob } from './glob';
import { chosenMasks, masksBeside, type MaskChoice } from './masks';
import { casesOfFiles } from './nnunet';
import { folderOfList } from './nnunetFolder';
import { completeCases } from './problems';
import { withRegionMasks, type RegionMaskChoice } from './regionMasks';
import { findImages } from './walk';
import { isFile } from '../../files/kinds';

/** What a source says of its cases, wherever they come from. */
interface SourceKeys {
  readonly name?: string;
  /** Of cases with one file a channel: which to take. */
  readonly channel?: ChannelChoice;
  /** Merge the masks beside each image into its label map. */
  readonly masks?: MaskChoice;
  /** Folders of region masks, for pre-training. */
  readonly regionMasks?: RegionMaskChoice;
  /** Names of the classes that the label maps tell of, where they do not tell of all. */
  readonly labelled?: readonly string[];
}

/** Where cases come from; relative paths start from the config's folder. */
export type DataSource = SourceKeys &
  (
    | {
        readonly datalist: string;
        readonly key?: string;
        readonly folds?: readonly number[];
        readonly baseDir?: string;
      }
    | { readonly folder: string }
    | { readonly glob: string }
  );

export interface ResolveOptions {
  readonly labels: boolean;
  /** `data.channel`; where it is a number, cases with several files must say which to take. */
  readonly channel?: ChannelSetting;
  /** What becomes of a case that lacks a channel where all are taken: an error by default, or the channel is filled with zeros. */
  readonly missingChannels?: 'stop' | 'zero';
  /** Told what was left out of a source, and why; a sentence each. */
  readonly onNote?: (message: string) => void;
}

interface FindOptions extends ResolveOptions {
  /** Of lists the labels that they name, where an entry may have none. */
  readonly namedLabels?: boolean;
}

/** Names that the label of an image may have: the same, `img` → `label`, and without nnU-Net's number of a channel. */
function labelNames(image: string): string[] {
  const name = basename(image);
  const own = caseName(image);
  const bases = [own, own.replace(/^(img|image)/i, 'label'), own.replace(/_\d{4}$/, '')];
  const endings = [name.slice(own.length), ...LABEL_ENDINGS].filter((ending) => ending !== '');
  return [...new Set(bases.flatMap((base) => endings.map((ending) => base + ending)))];
}

/** The label that belongs to an image by its name: `imagesTr/img0001.nii.gz` → `labelsTr/label0001.nii.gz`. */
export async function siblingLabel(image: string): Promise<string | undefined> {
  const folder = dirname(image);
  const parts = basename(folder).match(/^images?(.*)$/i);
  if (!parts) return undefined;
  for (const labels of [`labels${parts[1]}`, `label${parts[1]}`])
    for (const name of labelNames(image)) {
      const file = join(dirname(folder), labels, name);
      if (await isFile(file)) return file;
    }
  return undefined;
}

/** Finds the label map of an image in a folder that was listed. */
type Pairing = (image: string) => string | undefined;

/** The folder is listed once, and each name in it is looked at once: it may hold all cases of a source. */
async function pairingIn(folder: string): Promise<Pairing> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries.map(({ name }) => name).filter(isVolumeFile);
  // A folder may be an image, too: a DICOM series.
  const series = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const [labels, images] = [true, false].map((wanted) =>
    [...files, ...(wanted ? [] : series)].filter((file) => isLabelName(caseName(file)) === wanted),
  );
  if (labels!.length === 1 && images!.length === 1) return () => join(folder, labels![0]!);
  const [labelsOf, imagesOf] = [labels!, images!].map((some) => groupedBy(some, (file) => caseWords(caseName(file))));
  return (image) => {
    const own = caseWords(caseName(image));
    const [same, rivals] = [labelsOf!.get(own), imagesOf!.get(own)];
    return own !== '' && same?.length === 1 && rivals?.length === 1 ? join(folder, same[0]!) : undefined;
  };
}

/**
 * The file beside an image that is called like a label map: the only one beside the only image, or the one of the same case, as
 * `volume-0` and `segmentation-0` of LiTS, or `p7` and `p7_seg`.
 *
 * @param listed folders that were listed before
 */
async function labelInFolder(image: string, listed: Map<string, Promise<Pairing>>): Promise<string | undefined> {
  const folder = dirname(image);
  const pairing = listed.get(folder) ?? pairingIn(folder);
  listed.set(folder, pairing);
  return (await pairing)(image);
}

async function withLabel(item: Found, listed: Map<string, Promise<Pairing>>): Promise<Found> {
  const image = firstFile(item);
  const label = (await siblingLabel(image)) ?? (await labelInFolder(image, listed));
  if (label !== undefined) return { ...item, label };
  const masks = await masksBeside(image);
  if (masks.length > 0)
    throw new UserError(
      `${dirname(masks[0]!.file)}: the labels are ${counted(masks.length, 'mask')}, one a class; set "masks": "all" in the source to merge them`,
    );
  throw new UserError(`${image}: no label found beside it in a labels folder; use a datalist that names the labels`);
}

async function folderError(folder: string): Promise<UserError | undefined> {
  const status = await stat(folder).catch(() => undefined);
  if (!status?.isFile()) return undefined;
  const key = isVolumeFile(folder) ? 'glob' : 'datalist';
  return new UserError(`${folder}: is a file, not a folder; write { "${key}": ${JSON.stringify(folder)} }`);
}

/** The images of a folder. Of a data set with labels, those of `imagesTr`: test images have none. */
async function casesInFolder(folder: string, source: string, options: ResolveOptions): Promise<Found[]> {
  const wrong = await folderError(folder);
  if (wrong) throw wrong;
  const { images, labels, passed } = await findImages(folder);
  const shown = (files: readonly string[]): string =>
    files
      .slice(0, 3)
      .map((file) => file.slice(folder.length + 1))
      .join(', ');
  if (images.length === 0) {
    const hint =
      passed.length > 0
        ? `; folders of label maps (${shown(passed)}) are not searched: name them if they hold images`
        : '';
    throw new UserError(`${folder}: no .nii or .nii.gz file, nor a volume of another format, in this folder${hint}`);
  }
  if (labels.length > 0)
    options.onNote?.(
      `${folder}: ${counted(labels.length, 'file')} ${plural(labels.length, 'is named like a label map and not taken as an image', 'are named like label maps and not taken as images')} (${shown(labels)})`,
    );
  const training = join(folder, 'imagesTr');
  const labelled = options.labels ? images.filter((file) => dirname(file) === training) : [];
  return casesOfFiles(await volumesAmong(labelled.length > 0 ? labelled : images), source);
}

/** What is a volume by its name, or DICOM by its content. */
async function volumeFiles(files: readonly string[]): Promise<string[]> {
  const known = await fewAtATime(files, async (file) => isVolumeFile(file) || (await isDicomFile(file)));
  return files.filter((file, i) => known[i] && !basename(file).startsWith('.'));
}

async function foundIn(source: DataSource, configDir: string, options: FindOptions): Promise<Found[]> {
  if ('datalist' in source) {
    const file = resolve(configDir, source.datalist);
    const baseDir = source.baseDir === undefined ? undefined : resolve(configDir, source.baseDir);
    const { key, folds, name = caseSourceName(file) } = source;
    const labels = options.namedLabels ? 'if named' : options.labels && source.masks === undefined;
    const folder = await folderOfList(file, key);
    if (folder !== undefined) return labelledFiles(await casesInFolder(folder, name, options), source, options);
    return readDecathlon(file, { key, folds, baseDir, labels, source: name });
  }
  if ('folder' in source) {
    const folder = resolve(configDir, source.folder);
    return labelledFiles(await casesInFolder(folder, source.name ?? basename(folder), options), source, options);
  }
  const pattern = resolve(literalPattern(configDir), source.glob);
  const files = await volumesAmong(await volumeFiles(await glob(pattern)));
  if (files.length === 0)
    throw new UserError(`${pattern}: no .nii or .nii.gz file matches this pattern, nor a volume of another format`);
  return labelledFiles(await casesOfFiles(files, source.name ?? 'glob'), source, options);
}

async function labelledFiles(cases: Found[], source: DataSource, { labels }: ResolveOptions): Promise<Found[]> {
  if (!labels || source.masks !== undefined) return cases;
  const listed = new Map<string, Promise<Pairing>>();
  return completeCases(cases, firstFile, (item) => withLabel(item, listed));
}

/**
 * The cases of a source as they lie, before a channel is chosen; with the labels that a list names.
 *
 * @throws UserError as {@link resolveSources}
 */
export function casesAsFound(source: DataSource, configDir: string): Promise<Found[]> {
  return foundIn(source, configDir, { labels: false, namedLabels: true });
}

async function resolveSource(source: DataSource, configDir: string, options: ResolveOptions): Promise<Found[]> {
  const where = resolve(
    configDir,
    'datalist' in source ? source.datalist : 'folder' in source ? source.folder : source.glob,
  );
  const found = chooseChannels(await foundIn(source, configDir, options), source.channel, options, where);
  const { masks } = source;
  if (!options.labels) return [...(await withRegionMasks(found, source.regionMasks))];
  if (masks === undefined) return found;
  return completeCases(found, firstFile, async (item) => ({ ...item, masks: await chosenMasks(item, masks) }));
}

/**
 * The cases of one source, before they have ids. What one case lacks is its problem; what all lack is an error.
 *
 * @throws UserError as {@link resolveSources}
 */
export async function findInSource(source: DataSource, configDir: string, options: ResolveOptions): Promise<Found[]> {
  const cases = await resolveSource(source, configDir, options);
  const { labelled } = source;
  // What an entry of a list says of itself counts more.
  return labelled && options.labels ? cases.map((item) => ({ labelled, ...item })) : cases;
}

function caseSourceName(datalist: string): string {
  return basename(datalist).replace(/\.(jsonl?|csv|tsv|txt|lst|list)$/i, '') || caseName(datalist);
}

/**
 * The cases of several sources, in the order of the sources; within a folder or pattern by file name.
 *
 * @param configDir folder that relative paths start from
 * @throws UserError naming the datalist, folder or pattern that is missing, malformed or empty
 */
export async function resolveSources(
  sources: readonly DataSource[],
  configDir: string,
  options: ResolveOptions,
): Promise<Case[]> {
  const lists: Found[][] = [];
  for (const source of sources) lists.push(await findInSource(source, configDir, options));
  return withUniqueIds(lists.flat(), options.onNote);
}

/**
 * Sets part of the cases aside for validation. Whether a case is chosen depends on the seed and its image's name, so adding
 * cases moves as few of the others as possible. At least one case is chosen when `fraction` > 0, and one always remains.
 *
 * @throws UserError when there is only one case to split
 */
export function splitValidation<C extends Case>(
  cases: readonly C[],
  fraction: number,
  seed: number,
): { train: C[]; validation: C[] } {
  if (fraction <= 0) return { train: [...cases], validation: [] };
  if (cases.length < 2)
    throw new UserError(
      `${imageFiles(cases[0] ?? { image: 'data.train' })[0]}: cannot set cases aside for validation out of ${cases.length}; ` +
        'add cases or set data.validationFraction to 0',
    );
  const count = Math.min(cases.length - 1, Math.max(1, Math.round(fraction * cases.length)));
  const stream = streamId('validation split');
  const ranked = cases
    .map((item) => ({ item, rank: new RandomStream(seed, stream, streamId(item.id)).uniform() }))
    .sort((a, b) => a.rank - b.rank || byName(a.item.id, b.item.id));
  const chosen = new Set(ranked.slice(0, count).map((entry) => entry.item));
  return { train: cases.filter((item) => !chosen.has(item)), validation: cases.filter((item) => chosen.has(item)) };
}
