import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseJson } from '../files/json';
import { readText } from '../files/text';
import { namesOfDataset } from '../labels/datasetLabels';
import { describedLabels } from '../labels/descriptions';
import type { NamedLabel } from '../labels/entry';

/** Larger texts are no descriptions of labels. */
const MOST_BYTES = 1 << 20;
/** How far above a label map its data set's description may lie. */
const LEVELS = 3;

async function smallText(file: string): Promise<string> {
  const { size } = await stat(file);
  return size <= MOST_BYTES ? readText(file, 'the labels') : '';
}

/** The labels that one file describes; none when it is something else, or cannot be read. */
async function labelsIn(file: string): Promise<readonly NamedLabel[]> {
  try {
    const text = await smallText(file);
    return /\.json$/i.test(file) ? namesOfDataset(parseJson(text)) : describedLabels(text);
  } catch {
    return [];
  }
}

const DESCRIPTION = /\.(txt|label|labels|lut|ctbl|ctab|tsv|csv)$/i;

/** The likeliest first: called as the label map, then as descriptions are called, then lists of the data set. */
function rank(name: string, own: string): number {
  const stem = name.replace(/\.[^.]+$/, '').toLowerCase();
  if (DESCRIPTION.test(name) || /\.json$/i.test(name)) if (stem === own.toLowerCase()) return 0;
  if (/\.(label|labels|lut|ctbl|ctab)$/i.test(name)) return 1;
  if (DESCRIPTION.test(name) && /label|lut|itk-?snap|dseg|colou?r/i.test(name)) return 2;
  return /^data(set|list).*\.json$/i.test(name) ? 3 : -1;
}

/**
 * The labels that a file beside a label map names: a description of ITK-SNAP, FreeSurfer, Slicer or BIDS, or a `dataset.json`, in
 * its folder or one of the two above it.
 */
export async function labelsBeside(file: string): Promise<readonly NamedLabel[]> {
  const own = basename(file).replace(/(\.seg)?\.\w+(\.gz)?$/i, '');
  let folder = dirname(file);
  for (let level = 0; level < LEVELS; level++, folder = dirname(folder)) {
    const entries = await readdir(folder).catch(() => []);
    const ranked = entries
      .map((name) => ({ name, place: rank(name, own) }))
      .filter(({ place }) => place >= 0)
      .sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1));
    for (const { name } of ranked.slice(0, 20)) {
      const labels = await labelsIn(join(folder, name));
      if (labels.length > 0) return labels;
    }
  }
  return [];
}
