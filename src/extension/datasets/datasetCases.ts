import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import * as vscode from 'vscode';
import { isDicomName, isVolumeName } from '../../files/volumeNames';
import { siblingLabels } from '../../viewer/labels';

/** A data source as written in a config, which may be wrong in any way. */
export interface Source {
  readonly datalist?: unknown;
  readonly key?: unknown;
  readonly baseDir?: unknown;
  readonly folder?: unknown;
  readonly glob?: unknown;
}

/** A volume of a dataset, with its label map when the datalist names one. */
export interface DatasetCase {
  readonly image: string;
  readonly label?: string;
}

const MOST_FILES = 10_000;
const LABEL_FOLDER = /^labels?(tr|ts|val)?$/i;

/** The first path of a field, which may list one file a channel. */
function pathIn(item: unknown, field: 'image' | 'label'): string | undefined {
  if (typeof item === 'string') return field === 'image' ? item : undefined;
  const value = (item as Record<string, unknown> | null)?.[field];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

async function listed(file: string, key: string, baseDir: string): Promise<DatasetCase[]> {
  const content = JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, '')) as Record<string, unknown> | null;
  const items = content?.[key];
  return (Array.isArray(items) ? items : []).flatMap((item: unknown) => {
    const [image, label] = [pathIn(item, 'image'), pathIn(item, 'label')];
    if (image === undefined) return [];
    return [{ image: resolve(baseDir, image), ...(label !== undefined && { label: resolve(baseDir, label) }) }];
  });
}

async function found(folder: string, pattern: string): Promise<DatasetCase[]> {
  const files = await vscode.workspace.findFiles(
    new vscode.RelativePattern(vscode.Uri.file(folder), pattern),
    null,
    MOST_FILES,
  );
  return files
    .map((uri) => uri.fsPath)
    .filter((path) => isVolumeName(path) && !isDicomName(path) && !LABEL_FOLDER.test(basename(dirname(path))))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((image) => ({ image }));
}

/**
 * The cases of a source, for people to look at; what training reads is resolved by the trainer.
 *
 * @param home folder that relative paths start from.
 * @throws when the datalist can't be read.
 */
export async function casesOf(source: Source, home: string): Promise<readonly DatasetCase[]> {
  const { datalist, folder, glob, key, baseDir } = source;
  if (typeof datalist === 'string') {
    const file = resolve(home, datalist);
    const base = typeof baseDir === 'string' ? resolve(home, baseDir) : dirname(file);
    return listed(file, typeof key === 'string' ? key : 'training', base);
  }
  if (typeof folder === 'string') return found(resolve(home, folder), '**/*.{nii,nii.gz}');
  if (typeof glob !== 'string') return [];
  // Searched from where the wildcards begin; the folder before them is no pattern, whatever its name.
  const fixed = glob.slice(0, glob.search(/[*?[{]|$/));
  const start = fixed.slice(0, fixed.lastIndexOf('/') + 1);
  return found(resolve(home, start), glob.slice(start.length));
}

/** The label map of a case: what the datalist says, or what lies where labels usually do. */
export async function labelOf({ image, label }: DatasetCase): Promise<string | undefined> {
  return label ?? (await siblingLabels(image));
}
