import { dirname } from 'node:path';
import { UserError } from '../../errors/userError';
import { refuseLongRows, tableRows, type Row } from '../../files/table';
import { readText } from '../../files/text';
import { isVolumeFile, withUniqueIds, type Case } from '../datalist/case';
import { listedPath } from '../datalist/paths';
import { casesOfEntries, completeCases } from '../datalist/problems';
import { IMAGE_COLUMNS } from '../datalist/textLists';

/** A class of a classification: its name and the values that a list may give for it. */
export interface ClassNames {
  readonly name: string;
  readonly values: readonly number[];
}

/** An image with the class of the whole volume. */
export interface ClassifiedCase extends Case {
  /** Position among the task's classes; {@link NO_CLASS} of a case whose problem is that it has none. */
  readonly class: number;
}

const NO_CLASS = -1;

const CLASS_COLUMNS = ['label', 'class', 'target', 'category', 'diagnosis'];

function column(header: readonly string[], names: readonly string[], what: string, file: string): number {
  const at = header.findIndex((name) => names.includes(name.toLowerCase()));
  if (at >= 0) return at;
  throw new UserError(`${file}: no column of ${what}: call it "${names[0]}"; it has ${header.join(', ') || 'none'}`);
}

function classOf(text: string, classes: readonly ClassNames[], where: string): number {
  const byName = classes.findIndex(({ name }) => name.toLowerCase() === text.toLowerCase());
  const found = byName >= 0 || text === '' ? byName : classes.findIndex(({ values }) => values.includes(Number(text)));
  if (found >= 0) return found;
  const known = classes.map(({ name, values }) => `${values.join('/')} (${name})`).join(', ');
  if (text === '') throw new UserError(`${where}: the class is missing; write one of ${known}`);
  throw new UserError(`${where}: the class "${text}" is not a class of the task: ${known}; see task.classes`);
}

/**
 * Reads a list of images with their classes: a CSV with a header and the columns `image` (path from the list's folder) and
 * `label` (a value or the name of a class), in any order, others beside. A row whose image or class is missing, or whose class is
 * none of the task, is a case with a problem; where all are so, the list is wrong.
 *
 * @throws UserError naming the file, and the line, for missing columns, classes that are all unknown, and an empty list
 */
export async function readClassList(
  file: string,
  classes: readonly ClassNames[],
  options: { baseDir?: string | undefined; source: string },
): Promise<Omit<ClassifiedCase, 'id'>[]> {
  const [header, ...rows] = tableRows(await readText(file, 'the list'), file);
  const names = header?.fields ?? [];
  const image = column(names, IMAGE_COLUMNS, 'images', file);
  const label = column(names, CLASS_COLUMNS, 'classes', file);
  const base = options.baseDir ?? dirname(file);
  refuseLongRows(names, rows, file, (fields) => !isVolumeFile(fields[image] ?? ''));
  if (rows.length === 0) throw new UserError(`${file}: the list is empty`);
  const { source } = options;
  const where = ({ line }: Row): string => `${file}:${line}`;
  const cases = casesOfEntries<Row, Omit<ClassifiedCase, 'id'>>(
    rows,
    where,
    (row) => {
      if (!row.fields[image]) throw new UserError(`${where(row)}: the image is missing`);
      return { image: listedPath(base, row.fields[image], where(row)), source, class: NO_CLASS };
    },
    (place, problem) => ({ image: place, source, class: NO_CLASS, problem }),
  );
  return completeCases(
    cases,
    ({ image }) => String(image),
    (item, i) => {
      const row = rows[i]!;
      return Promise.resolve({ ...item, class: classOf(row.fields[label] ?? '', classes, where(row)) });
    },
  );
}

/** The sources of a config that lists volumes with classes. */
export type ClassSource = Readonly<Record<string, unknown>>;

/**
 * The cases of a CSV list, before they have ids.
 *
 * @param source of a loaded config: paths are absolute
 * @throws UserError when it is not a CSV list, or cannot be read
 */
export async function classifiedInSource(
  source: ClassSource,
  classes: readonly ClassNames[],
): Promise<Omit<ClassifiedCase, 'id'>[]> {
  const file = source.datalist;
  if (typeof file !== 'string' || !/\.[ct]sv$/i.test(file)) {
    const named = String(file ?? source.folder ?? source.glob);
    throw new UserError(
      `${named}: classification needs a CSV list of images and classes: { "datalist": "training.csv" }`,
    );
  }
  const baseDir = typeof source.baseDir === 'string' ? source.baseDir : undefined;
  return readClassList(file, classes, { baseDir, source: typeof source.name === 'string' ? source.name : file });
}

/**
 * The cases of several CSV lists.
 *
 * @param sources of a loaded config: paths are absolute
 * @throws UserError as {@link classifiedInSource}
 */
export async function classifiedCases(
  sources: readonly ClassSource[],
  classes: readonly ClassNames[],
): Promise<ClassifiedCase[]> {
  const lists: Omit<ClassifiedCase, 'id'>[][] = [];
  for (const source of sources) lists.push(await classifiedInSource(source, classes));
  return withUniqueIds(lists.flat()) as ClassifiedCase[];
}
