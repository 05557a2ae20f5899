import { basename, dirname, join } from 'node:path';
import { isLabelFolder, isLabelName } from '../labels/named';
import { BTCV_CLASSES, colourOfLabel } from '../labels/organs';
import { colourOfName, TOTALSEGMENTATOR_CLASSES } from '../labels/totalSegmentator';
import type { NamedLabel } from '../labels/entry';
import { labelsBeside } from './namedLabels';
import { labelsInside, readHeader } from '../volume';
import { firstExisting } from '../files/kinds';

/** Whether a file's name or folder says that it holds labels. */
export function namedLikeLabels(file: string): boolean {
  const name = basename(file).replace(/(\.seg)?\.\w+(\.gz)?$/i, '');
  return isLabelFolder(basename(dirname(file))) || isLabelName(name) || /\.seg\.nrrd$/i.test(file);
}

/** Tables of known numbers, and how a file or a folder that uses them is called. */
const TABLES: readonly (readonly [RegExp, readonly NamedLabel[]])[] = [
  [/total[-_ ]?seg/i, TOTALSEGMENTATOR_CLASSES],
  [/(^|[^a-z])btcv|cranial[-_ ]?vault/i, BTCV_CLASSES],
];

/** Folders of a path that may tell which data set it belongs to. */
const FOLDERS = 3;

/**
 * The table that a file without names uses, where its own name or one of the folders around it says so. Numbers alone tell
 * nothing: 1 to 13 are other organs in other data sets.
 */
function knownTable(file: string, highest: number): readonly NamedLabel[] {
  const names = file.split(/[\\/]/).slice(-1 - FOLDERS);
  const [, table = []] = TABLES.find(([called]) => names.some((name) => called.test(name))) ?? [];
  return table.some(({ value }) => value >= highest) ? table : [];
}

/**
 * How the classes of a label file are called and coloured: as it says itself, as a description beside it, as its `dataset.json`,
 * or as the known table of the data set that its path names.
 */
export async function labelNames(
  file: string,
  highest: number,
): Promise<(value: number) => { name: string; colour: string }> {
  const header = await readHeader(file, { anySize: true }).catch(() => undefined);
  const inside = header ? await labelsInside(file, header) : [];
  const found = inside.length > 0 ? inside : await labelsBeside(file);
  const entries = new Map((found.length > 0 ? found : knownTable(file, highest)).map((entry) => [entry.value, entry]));
  return (value) => {
    const entry = entries.get(value);
    const name = entry?.name ?? (value === 0 ? 'background' : `label ${value}`);
    return { name, colour: entry?.colour ?? colourOfName(name) ?? colourOfLabel(value) };
  };
}

/** The label file that belongs to an image by the usual layouts: `imagesTr/x` and `labelsTr/x`, `img0001` and `label0001`. */
export async function siblingLabels(file: string): Promise<string | undefined> {
  const [folder, name] = [dirname(file), basename(file)];
  const parent = basename(folder);
  const folders = /^images?/i.test(parent)
    ? ['label', 'labels'].map((word) => join(dirname(folder), parent.replace(/^images?/i, word)))
    : [];
  const names = [
    name,
    name.replace(/_\d{4}(?=\.nii)/, ''),
    name.replace(/^(img|image|ct)/i, 'label'),
    name.replace(/^(img|image|ct)/i, 'seg'),
    name.replace(/^(imaging|ct|image|mri?)(?=\.nii)/i, 'segmentation'),
    name.replace(/^(imaging|ct|image|mri?)(?=\.nii)/i, 'combined_labels'),
  ];
  const wanted = [...folders, folder].flatMap((place) => [...new Set(names)].map((one) => join(place, one)));
  return firstExisting(wanted.filter((candidate) => candidate !== file));
}
