import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError, fileError } from '../../errors/userError';
import { literalPattern } from '../../files/pattern';
import { RandomStream, streamId } from '../../random/random';
import { caseName, imageFiles, isVolumeFile, withUniqueIds, type Case } from './case';
import { readDecathlon } from './decathlon';
import { byName, glob } from './glob';

/** Where cases come from; relative paths start from the config's folder. */
export type DataSource = (
  | {
      readonly datalist: string;
      readonly key?: string;
      readonly folds?: readonly number[];
      readonly baseDir?: string;
      readonly name?: string;
    }
  | { readonly folder: string; readonly name?: string }
  | { readonly glob: string; readonly name?: string }
) & {
  /** Names of the classes that the label maps tell of, where they do not tell of all. */
  readonly labelled?: readonly string[];
};

const LABEL_FOLDER = /^labels?(tr|ts|val)?$/i;

async function volumesBelow(folder: string): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw fileError(error, folder, 'list the folder');
  }
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const directory = entry.isSymbolicLink()
      ? await stat(path).then(
          (status) => status.isDirectory(),
          () => false,
        )
      : entry.isDirectory();
    if (!directory && isVolumeFile(entry.name)) files.push(path);
    // A linked folder could contain itself, so links are followed at the top only.
    else if (directory && !entry.isSymbolicLink() && !entry.name.startsWith('.') && !LABEL_FOLDER.test(entry.name))
      files.push(...(await volumesBelow(path)));
  }
  return files.sort(byName);
}

/** Names that the label of an image may have: the same, `img` → `label`, and without the `_0000` of nnU-Net's channels. */
function labelNames(image: string): string[] {
  const name = basename(image);
  const names = [name, name.replace(/^(img|image)/i, 'label'), name.replace(/_0000(?=\.nii)/i, '')];
  return [...new Set(names.flatMap((one) => [one, one.replace(/\.gz$/i, ''), `${one.replace(/\.gz$/i, '')}.gz`]))];
}

/** The label that belongs to an image by its name: `imagesTr/img0001.nii.gz` → `labelsTr/label0001.nii.gz`. */
export async function siblingLabel(image: string): Promise<string | undefined> {
  const folder = dirname(image);
  const parts = basename(folder).match(/^images?(.*)$/i);
  if (!parts) return undefined;
  for (const labels of [`labels${parts[1]}`, `label${parts[1]}`])
    for (const name of labelNames(image)) {
      const file = join(dirname(folder), labels, name);
      const exists = await stat(file).then(
        (status) => status.isFile(),
        () => false,
      );
      if (exists) return file;
    }
  return undefined;
}

async function fromFiles(files: string[], source: string, labels: boolean): Promise<Omit<Case, 'id'>[]> {
  return Promise.all(
    files.map(async (image) => {
      if (!labels) return { image, source };
      const label = await siblingLabel(image);
      if (label === undefined)
        throw new UserError(
          `${image}: no label found beside it in a labels folder; use a datalist that names the labels`,
        );
      return { image, label, source };
    }),
  );
}

async function resolveSource(source: DataSource, configDir: string, labels: boolean): Promise<Omit<Case, 'id'>[]> {
  if ('datalist' in source) {
    const file = resolve(configDir, source.datalist);
    const baseDir = source.baseDir === undefined ? undefined : resolve(configDir, source.baseDir);
    const { key, folds, name = caseSourceName(file) } = source;
    return readDecathlon(file, { key, folds, baseDir, labels, source: name });
  }
  if ('folder' in source) {
    const folder = resolve(configDir, source.folder);
    const files = await volumesBelow(folder);
    if (files.length === 0) throw new UserError(`${folder}: no .nii or .nii.gz file in this folder`);
    return fromFiles(files, source.name ?? basename(folder), labels);
  }
  const pattern = resolve(literalPattern(configDir), source.glob);
  const files = (await glob(pattern)).filter(isVolumeFile);
  if (files.length === 0) throw new UserError(`${pattern}: no .nii or .nii.gz file matches this pattern`);
  return fromFiles(files, source.name ?? 'glob', labels);
}

function caseSourceName(datalist: string): string {
  return basename(datalist).replace(/\.json$/i, '') || caseName(datalist);
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
  options: { readonly labels: boolean },
): Promise<Case[]> {
  const lists: Omit<Case, 'id'>[][] = [];
  for (const source of sources) {
    const cases = await resolveSource(source, configDir, options.labels);
    const { labelled } = source;
    // What an entry of a list says of itself counts more.
    lists.push(labelled && options.labels ? cases.map((item) => ({ labelled, ...item })) : cases);
  }
  return withUniqueIds(lists.flat());
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
