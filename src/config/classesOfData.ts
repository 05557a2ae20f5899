import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseJson } from '../files/json';
import { readText } from '../files/text';
import { datasetLabels, type DatasetLabels } from '../labels/datasetLabels';
import { isLabelFolder } from '../labels/named';
import { colourOfName } from '../labels/totalSegmentator';
import type { Config, FinetuneConfig, SourceConfig, TaskConfig } from './types';
import { isFolder } from '../files/kinds';
import { isVolumeName } from '../files/volumeNames';

/** How far below a source's folder the masks of a case may lie. */
const DEPTH = 3;

type Source = FinetuneConfig['data']['train'][number];

/** Whether the classes are to be told by the data: a custom segmentation whose config does not name them. */
export const wantsClasses = ({ name, classes, output }: TaskConfig): boolean =>
  name === 'custom' && classes === null && output !== 'classification';

/** The part of a pattern before its first wildcard, as a folder. */
const fixedFolder = (pattern: string): string => dirname(`${pattern.slice(0, pattern.search(/[*?[{(]|$/))}x`);

const placeOf = (source: SourceConfig): string =>
  'datalist' in source ? dirname(source.datalist) : 'folder' in source ? source.folder : fixedFolder(source.glob);

async function labelsOf(file: string): Promise<DatasetLabels | undefined> {
  try {
    const content = parseJson(await readText(file, 'the labels')) as { labels?: unknown } | null;
    const found = datasetLabels(content?.labels);
    return found && found.classes.length > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

/** The folder of the first volume that a list names, which may lie far from the list; undefined where none is found. */
async function firstListed({ datalist, baseDir }: Extract<Source, { datalist: string }>): Promise<string | undefined> {
  const text = await readText(datalist, 'the datalist').catch(() => '');
  const parts = /\.jsonl?$/i.test(datalist) ? text.matchAll(/"((?:[^"\\]|\\.)*)"/g) : text.matchAll(/([^\r\n,;\t"]+)/g);
  for (const [, part] of parts) {
    const path = part!.trim().replaceAll(/[\\]+/g, '/');
    if (isVolumeName(path)) return dirname(resolve(baseDir ?? dirname(datalist), path));
  }
  return undefined;
}

/** The labels of a list itself, or of the `dataset.json` in the folder of the list, that of its images, or the two above them. */
async function listedLabels(source: Source): Promise<DatasetLabels | undefined> {
  const own = 'datalist' in source ? await labelsOf(source.datalist) : undefined;
  if (own) return own;
  const images = 'datalist' in source ? await firstListed(source) : undefined;
  for (const place of [placeOf(source), ...(images === undefined ? [] : [images])]) {
    let folder = place;
    for (let level = 0; level < 3; level++, folder = dirname(folder)) {
      const found = await labelsOf(join(folder, 'dataset.json'));
      if (found) return found;
    }
  }
  return undefined;
}

/** Names of the masks in the first folder of masks at or below a folder, in the order of their names. */
async function maskNames(folder: string, depth: number): Promise<string[]> {
  const entries = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
  const folders: string[] = [];
  for (const name of entries) {
    if (!(await isFolder(join(folder, name)))) continue;
    const masks = isLabelFolder(name) ? await readdir(join(folder, name)).catch(() => []) : [];
    const names = masks.filter((file) => /\.nii(\.gz)?$/i.test(file) && !file.startsWith('.'));
    if (names.length > 0) return names.map((file) => file.replace(/\.nii(\.gz)?$/i, '')).sort();
    folders.push(join(folder, name));
  }
  for (const one of depth > 0 ? folders : []) {
    const found = await maskNames(one, depth - 1);
    if (found.length > 0) return found;
  }
  return [];
}

const numbered = (names: readonly string[]): DatasetLabels => ({
  classes: names.map((name, i) => ({ name, values: [i + 1] })),
  overlapping: false,
});

async function labelsOfSource(source: Source): Promise<DatasetLabels | undefined> {
  if (source.masks === undefined) return listedLabels(source);
  return numbered(source.masks === 'all' ? await maskNames(placeOf(source), DEPTH) : source.masks);
}

function withLabels(config: FinetuneConfig, labels: DatasetLabels): FinetuneConfig {
  const { task } = config;
  const classes = labels.classes.map(({ name, values }) => ({
    name,
    values: [...values],
    colour: colourOfName(name) ?? '',
  }));
  const output = task.output ?? (labels.overlapping ? 'sigmoid' : 'softmax');
  return { ...config, task: { ...task, classes, output, ignore: task.ignore ?? labels.ignore ?? null } };
}

/**
 * Names the classes of a custom task that does not: by the `labels` of the data's `dataset.json`, or by the names of the masks.
 * Other configs stay as they are, and so does one whose data name none.
 *
 * @param config with absolute paths
 */
export async function withClassesOfData<C extends Config>(config: C): Promise<C> {
  if (config.kind !== 'finetune' || !wantsClasses(config.task)) return config;
  for (const source of config.data.train) {
    const labels = await labelsOfSource(source);
    if (labels && labels.classes.length > 0) return withLabels(config, labels) as C;
  }
  return config;
}

/** What to do where neither config nor data name the classes. */
export const NO_CLASSES =
  'task custom needs its classes, such as [{ "name": "liver", "values": [1] }]; no dataset.json beside the data names them ' +
  '(where each class has a mask of its own, set "masks": "all" in the source)';
