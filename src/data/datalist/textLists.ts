import { UserError } from '../../errors/userError';
import { refuseLongRows, tableRows } from '../../files/table';
import { readText } from '../../files/text';
import { isVolumeFile } from './case';
import type { Item } from './json';

/** Names that the column of images, and that of labels, may have. */
export const IMAGE_COLUMNS = ['image', 'path', 'file', 'filename', 'volume', 'image_path', 'img', 'scan', 'ct'];
const LABEL_COLUMNS = ['label', 'label_path', 'mask', 'seg', 'segmentation'];

const unquoted = (text: string): string => /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;

/** Where a line ends the first path and goes on with a second, as `image.nii.gz label.nii.gz`. */
const SECOND =
  /^(.*?\.(?:nii(?:\.gz)?|nrrd|nhdr|mha|mhd|mgz|mgh)["']?)(?:\t+|\s*[,;]\s*|\s+)(?=\S)(.*\.(?:nii(?:\.gz)?|nrrd|nhdr|mha|mhd|mgz|mgh)["']?)$/i;

/**
 * A list of paths, one a line, each with its label's path behind it where it has one. Empty lines and those that begin with `#`
 * are passed over.
 *
 * @throws UserError naming the line that is no path of a volume
 */
export async function readPathList(file: string): Promise<Item[]> {
  const lines = (await readText(file, 'the list')).split(/\r\n|\r|\n/);
  return lines.flatMap((line, i): Item[] => {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) return [];
    const where = `${file}:${i + 1}`;
    if (/[,;]$/.test(text)) throw new UserError(`${where}: the line ends with a "${text.at(-1)}"; remove it`);
    const pair = SECOND.exec(text);
    const [image, label] = pair ? [unquoted(pair[1]!.trim()), unquoted(pair[2]!.trim())] : [unquoted(text)];
    return [{ image, ...(label !== undefined && { label }), where }];
  });
}

function columnOf(header: readonly string[], names: readonly string[]): number {
  const lower = header.map((name) => name.toLowerCase());
  return names.map((name) => lower.indexOf(name)).find((at) => at >= 0) ?? -1;
}

/**
 * A table with a column of images and, where it has one, of labels and folds; without a header the first columns are images and
 * labels.
 *
 * @throws UserError naming the file, and the line
 */
export async function readTableList(file: string): Promise<Item[]> {
  const rows = tableRows(await readText(file, 'the list'), file);
  const headless = rows[0]?.fields.some((field) => isVolumeFile(field)) ?? false;
  const header = headless ? ['image', 'label'] : (rows[0]?.fields ?? []);
  const image = columnOf(header, IMAGE_COLUMNS);
  if (image < 0)
    throw new UserError(`${file}: no column of images: call it "image"; it has ${header.join(', ') || 'none'}`);
  const [label, fold] = [columnOf(header, LABEL_COLUMNS), columnOf(header, ['fold'])];
  const body = headless ? rows : rows.slice(1);
  refuseLongRows(header, body, file, (fields) => !isVolumeFile(fields[image] ?? ''));
  return body.map(({ fields, line }) => {
    const where = `${file}:${line}`;
    const number = fold >= 0 && fields[fold] ? Number(fields[fold]) : Number.NaN;
    return {
      ...(fields[image] && { image: fields[image] }),
      ...(fields[label] && { label: fields[label] }),
      ...(!Number.isNaN(number) && { fold: number }),
      where,
    };
  });
}
