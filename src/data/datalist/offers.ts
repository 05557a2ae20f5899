import { stat } from 'node:fs/promises';
import { basename, dirname, sep } from 'node:path';
import { UserError } from '../../errors/userError';
import { isDicomName } from '../../files/volumeNames';
import { isLabelFolder, isLabelName } from '../../labels/named';
import type { DataOffer } from '../../protocol/datasets';
import { groupedBy } from '../../registry/grouped';
import { counted } from '../../text';
import { isDicomFile } from '../../volume';
import { caseName, isVolumeFile } from './case';
import { listCases } from './listing';
import { folderOfList } from './nnunetFolder';
import { byName } from './glob';
import { lookAtData } from './look';

/** Folders and lists that are looked into; what else there is can be browsed for. */
const MOST = 60;
/** Larger texts are seldom lists of cases, and slow to read. */
const LARGEST_LIST = 32 << 20;
const LOOKED_AT_MS = 8_000;

type Folders = Map<string, readonly string[]>;

/** Whether all volumes of a folder seem to be of one case: one file, a DICOM series, or files that are called as the folder. */
function isCase(folder: string, names: readonly string[]): boolean {
  const images = names.filter((name) => !isLabelName(caseName(name)));
  if (images.length <= 1 || names.every((name) => isDicomName(name))) return true;
  return names.every((name) => name.toLowerCase().startsWith(basename(folder).toLowerCase()));
}

/** More volumes than these in a folder are those of a data set, not of one case. */
const MOST_OF_CASE = 8;

/**
 * Whether folders side by side hold one case each: `case1/ct.nii.gz`, `case2/ct.nii.gz`. Folders of modalities with files of the
 * same names (`ct/case1`, `mr/case1`) are fewer than the files in them.
 */
function areCases(folders: readonly (readonly [string, readonly string[]])[]): boolean {
  if (folders.length < 2) return false;
  if (folders.every(([folder, names]) => isCase(folder, names))) return true;
  const most = Math.max(...folders.map(([, names]) => names.length));
  if (most > MOST_OF_CASE || folders.length < 3 || folders.length <= most) return false;
  const [first, ...others] = folders.map(([, names]) => new Set(names));
  return others.every((names) => [...first!].some((name) => names.has(name)));
}

/** The folder of a data set that a folder is a part of by its name: above `imagesTr`, above BIDS's `sub-01`. */
function above(folder: string, root: string): string {
  const parts = folder.slice(root.length).split(sep);
  const at = parts.findIndex((part) => /^images(tr|ts|val?)$/i.test(part) || /^sub-[^_]+$/.test(part));
  return at < 0 ? folder : root + parts.slice(0, at).join(sep);
}

const inside = (folder: string, root: string): boolean => folder === root || folder.startsWith(root + sep);

/**
 * The folders of data sets that volumes belong to. Folders of one case each are one data set, and so are the folders of
 * nnU-Net and BIDS below theirs; label maps are passed over.
 *
 * @param root folder that none lies above
 * @returns with the number of volumes below each, sorted
 */
export function dataFolders(files: readonly string[], root: string): { path: string; volumes: number }[] {
  const images = files.filter((file) => isVolumeFile(file) && !isPassed(file.slice(root.length)));
  let folders: Folders = new Map();
  for (const file of images) add(folders, above(dirname(file), root), basename(file));
  for (;;) {
    const next: Folders = new Map();
    for (const [parent, children] of groupedBy([...folders], ([folder]) => dirname(folder))) {
      const merged = inside(parent, root) && areCases(children);
      for (const [folder, names] of children) for (const name of names) add(next, merged ? parent : folder, name);
    }
    if (next.size === folders.size) break;
    folders = next;
  }
  return [...folders].map(([path, names]) => ({ path, volumes: names.length })).sort((a, b) => byName(a.path, b.path));
}

const isPassed = (path: string): boolean => dirname(path).split(sep).some((part) => isLabelFolder(part) || /^derivatives$/i.test(part)); // prettier-ignore

function add(folders: Folders, folder: string, name: string): void {
  const names = folders.get(folder) as string[] | undefined;
  if (names) names.push(name);
  else folders.set(folder, [name]);
}

async function folderOffer(path: string, volumes: number, until: number): Promise<DataOffer> {
  const counts = { path, list: false, text: counted(volumes, 'volume') };
  if (performance.now() > until) return counts;
  return lookAtData(path).then(
    ({ text }) => ({ ...counts, text }),
    () => counts,
  );
}

/** Any line of a text could be a path: of those without keys, the first says whether they list volumes. */
async function namesVolumes(path: string): Promise<boolean> {
  if (/\.jsonl?$/i.test(path)) return true;
  const { cases } = await listCases({ datalist: path }, dirname(path), 1);
  return isVolumeFile(cases[0]?.image ?? '');
}

/** A list, or a text called as one; undefined for other texts, and where its folder is offered instead. */
async function listOffer(path: string): Promise<DataOffer | undefined> {
  const named = /^dataset.*\.json$/i.test(basename(path));
  try {
    if ((await stat(path)).size > LARGEST_LIST) return named ? { path, list: true, text: 'datalist' } : undefined;
    if (named && (await folderOfList(path)) !== undefined) return undefined;
    if (!(await namesVolumes(path))) return undefined;
    return { path, list: true, text: (await lookAtData(path)).text };
  } catch (error) {
    return named && error instanceof UserError
      ? { path, list: true, text: error.message.replace(`${path}: `, '') }
      : undefined;
  }
}

/** How many files of a folder are looked into before it is known whether its files without ending are DICOM. */
const LOOKED_INTO = 3;

/** Of files whose names say nothing, those in folders of DICOM files; called `.dcm`, as which they are counted and grouped. */
async function unnamedDicom(files: readonly string[], until: number): Promise<string[]> {
  const found: string[] = [];
  for (const names of groupedBy(files, dirname).values()) {
    if (performance.now() > until) break;
    const looked = await Promise.all(names.slice(0, LOOKED_INTO).map(isDicomFile));
    if (looked.includes(true)) found.push(...names.map((name) => `${name}.dcm`));
  }
  return found;
}

/**
 * What a new experiment can be made on: lists of cases, and folders of data sets.
 *
 * @param volumes files that are volumes by their names
 * @param unnamed files that may be DICOM, though their names do not say so
 * @param texts files that may be lists; those that are none are passed over
 * @param root folder that all are in
 */
export async function dataOffers(
  volumes: readonly string[],
  unnamed: readonly string[],
  texts: readonly string[],
  root: string,
): Promise<DataOffer[]> {
  const until = performance.now() + LOOKED_AT_MS;
  const offers: DataOffer[] = [];
  for (const text of [...texts].sort(byName)) {
    const offer = performance.now() > until ? undefined : await listOffer(text);
    if (offer) offers.push(offer);
  }
  const all = [...volumes, ...(await unnamedDicom(unnamed, until))];
  for (const { path, volumes: count } of dataFolders(all, root).slice(0, MOST))
    offers.push(await folderOffer(path, count, until));
  return offers;
}
