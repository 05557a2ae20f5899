import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { ConfigPath } from '../../schema/tree';
import type { Problem } from '../../schema';
import { closest } from '../../errors/closest';

type Kind = 'file' | 'folder';

interface NamedPath {
  readonly path: ConfigPath;
  readonly text: string;
  readonly wanted: Kind;
}

const SOURCE_KEYS: Record<string, Kind> = { datalist: 'file', folder: 'folder', baseDir: 'folder' };
const OTHER_KEYS: readonly ConfigPath[] = [
  ['init', 'checkpoint'],
  ['train', 'initFrom'],
];

const at = (value: unknown, key: string | number): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;

/** Every path that a config names for reading, however broken the rest of it is. */
function namedPaths(value: unknown): NamedPath[] {
  const found: NamedPath[] = [];
  const add = (path: ConfigPath, wanted: Kind): void => {
    const text = path.reduce(at, value);
    if (typeof text === 'string' && text !== '') found.push({ path, text, wanted });
  };
  for (const list of ['train', 'validation']) {
    const sources = at(at(value, 'data'), list);
    if (!Array.isArray(sources)) continue;
    sources.forEach((_, i) => {
      for (const [key, wanted] of Object.entries(SOURCE_KEYS)) add(['data', list, i, key], wanted);
    });
  }
  for (const path of OTHER_KEYS) add(path, 'file');
  return found;
}

async function kindOnDisk(path: string): Promise<Kind | undefined> {
  const status = await stat(path).catch(() => undefined);
  return status && (status.isDirectory() ? 'folder' : 'file');
}

/** A path like the one written that exists: a neighbour with nearly the same name. */
async function nearby(target: string, wanted: Kind, folder: string): Promise<string | undefined> {
  const entries = await readdir(dirname(target), { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory() === (wanted === 'folder')).map(({ name }) => name);
  const name = closest(basename(target), names);
  return (
    name &&
    (relative(folder, join(dirname(target), name))
      .split('\\')
      .join('/') ||
      '.')
  );
}

async function problemOf({ path, text, wanted }: NamedPath, folder: string): Promise<Problem[]> {
  const target = resolve(folder, text);
  const found = await kindOnDisk(target);
  if (found === wanted) return [];
  const what = found === undefined ? `no such ${wanted}` : `is a ${found}, not a ${wanted}`;
  const guess = await nearby(target, wanted, folder);
  const hint = guess ? `; did you mean "${guess}"?` : '; paths are relative to the folder of this config';
  const fix = guess && { title: `Change to "${guess}"`, path, value: guess };
  return [{ path, message: `${target}: ${what}${hint}`, severity: 'error', ...(fix && { fix }) }];
}

/**
 * Files and folders that a config names and that are not there. Works on a config that is wrong in other places.
 *
 * @param folder where relative paths start
 */
export async function missingPaths(value: unknown, folder: string): Promise<Problem[]> {
  return (await Promise.all(namedPaths(value).map((named) => problemOf(named, folder)))).flat();
}
