import { basename, dirname, join } from 'node:path';
import { isLabelFolder, isLabelName } from '../labels/named';
import { BTCV_CLASSES, colourOfLabel } from '../labels/organs';
import { colourOfName, TOTALSEGMENTATOR_CLASSES } from '../labels/totalSegmentator';
import type { NamedLabel } from '../labels/entry';
import { labelsBeside, labelsInside } from './namedLabels';
import { firstExisting } from '../files/kinds';

/** Whether a file's name or folder says that it holds labels. */
export function namedLikeLabels(file: string): boolean {
  const name = basename(file).replace(/(\.seg)?\.\w+(\.gz)?$/i, '');
  return isLabelFolder(basename(dirname(file))) || isLabelName(name) || /\.seg\.nrrd$/i.test(file);
}

/** A table of known numbers that a file without names seems to use: TotalSegmentator's where it is called so, else BTCV's. */
function knownTable(file: string, highest: number): readonly NamedLabel[] {
  const total = /total[-_ ]?seg/i.test(`${basename(dirname(file))}/${basename(file)}`);
  if (total && highest <= TOTALSEGMENTATOR_CLASSES.length) return TOTALSEGMENTATOR_CLASSES;
  return highest < BTCV_CLASSES.length && highest > 1 ? BTCV_CLASSES : [];
}

/**
 * How the classes of a label file are called and coloured: as it says itself, as a description beside it, as its `dataset.json`,
 * or as a known table whose numbers fit.
 */
export async function labelNames(
  file: string,
  highest: number,
): Promise<(value: number) => { name: string; colour: string }> {
  const inside = await labelsInside(file);
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
