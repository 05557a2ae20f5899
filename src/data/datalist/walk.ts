import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from '../../errors/userError';
import { isDicomFile } from '../../volume';
import { isLabelFolder, isLabelName } from '../../labels/named';
import { caseName, isVolumeFile } from './case';
import { byName, holdsItself } from './glob';
import { isFolder } from '../../files/kinds';
import { isDicomName } from '../../files/volumeNames';

/** Images below a folder, and what was not taken for one. */
export interface FoundFiles {
  /** Sorted by path. */
  readonly images: readonly string[];
  /** Files beside images that are called like label maps. */
  readonly labels: readonly string[];
  /** Folders of label maps and of derived data, which were not searched. */
  readonly passed: readonly string[];
}

interface Walk {
  readonly files: string[];
  readonly passed: string[];
  readonly visited: Set<string>;
  /** Linked folders, searched when all others are, so that a file is found at its own path first. */
  readonly links: string[];
}

const isPassedOver = (name: string): boolean => isLabelFolder(name) || name.toLowerCase() === 'derivatives';

async function walk(folder: string, state: Walk): Promise<void> {
  const real = await realpath(folder).catch(() => folder);
  if (state.visited.has(real)) return;
  state.visited.add(real);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(error, folder, 'list the folder');
  });
  for (const entry of entries.sort((a, b) => byName(a.name, b.name))) {
    const path = join(folder, entry.name);
    const linked = entry.isSymbolicLink();
    const directory = linked ? await isFolder(path) : entry.isDirectory();
    if (!directory && !entry.name.startsWith('.') && (isVolumeFile(entry.name) || (await isDicomFile(path))))
      state.files.push(path);
    if (!directory || entry.name.startsWith('.')) continue;
    if (isPassedOver(entry.name)) state.passed.push(path);
    else if (linked) state.links.push(path);
    else await walk(path, state);
  }
}

/** The folders that an image is seen in: its own, and that of its series' folder for a slice of DICOM. */
const foldersOf = (file: string): string[] =>
  isDicomName(file) || !isVolumeFile(file) ? [dirname(file), dirname(dirname(file))] : [dirname(file)];

/** Images and label maps of each folder: a file is a label map by its name, where others beside it are not. */
function apart(files: readonly string[]): Pick<FoundFiles, 'images' | 'labels'> {
  const withImages = new Set(files.filter((file) => !isLabelName(caseName(file))).flatMap(foldersOf));
  const isLabel = (file: string): boolean => isLabelName(caseName(file)) && withImages.has(dirname(file));
  return { images: files.filter((file) => !isLabel(file)), labels: files.filter(isLabel) };
}

const BIDS_OTHERS = new Set([
  'func',
  'dwi',
  'fmap',
  'perf',
  'meg',
  'eeg',
  'ieeg',
  'beh',
  'motion',
  'nirs',
  'micr',
  'mrs',
]);

/** In a tree of BIDS (`sub-01/ses-01/anat`) the anatomical images alone, where it has any. */
function anatomical(files: readonly string[]): readonly string[] {
  const isSubject = (file: string): boolean => /[\\/]sub-[^\\/]+[\\/]/.test(file);
  const kind = (file: string): string => basename(dirname(file));
  if (!files.some((file) => isSubject(file) && kind(file) === 'anat')) return files;
  return files.filter((file) => !(isSubject(file) && BIDS_OTHERS.has(kind(file))));
}

/**
 * Images below a folder, at any depth. Links to folders are followed, each folder once; hidden entries, folders of label maps
 * and derived data are passed over.
 *
 * @throws UserError naming a folder that cannot be listed
 */
export async function findImages(folder: string): Promise<FoundFiles> {
  const state: Walk = { files: [], passed: [], visited: new Set(), links: [] };
  await walk(folder, state);
  for (const link of state.links) if (!(await holdsItself(link).catch(() => true))) await walk(link, state);
  const { images, labels } = apart(anatomical(state.files.sort(byName)));
  return { images, labels, passed: state.passed.sort(byName) };
}
