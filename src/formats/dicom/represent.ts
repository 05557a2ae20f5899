import { dirname } from 'node:path';
import { noVolume } from './objects';
import { parseFile } from './scan';

/** The series of a file; undefined for what is no DICOM, null for DICOM that holds no volume. */
async function seriesOf(file: string): Promise<string | null | undefined> {
  const found = await parseFile(file).catch(() => null);
  if (!found) return found;
  const { data } = found.parsed;
  if (data.has('x00041220') || noVolume(data)) return null;
  return data.text('x0020000e');
}

/** Files of one folder by their series. Where the first, middle and last are of one series, the others are taken to be, too. */
async function representIn(folder: string, files: readonly string[], alone: boolean): Promise<string[]> {
  const samples = [files[0]!, files[files.length >> 1]!, files.at(-1)!];
  const uids = await Promise.all(samples.map(seriesOf));
  if (typeof uids[0] === 'string' && uids.every((uid) => uid === uids[0]) && files.length > 1)
    return [alone ? folder : files[0]!];
  const first = new Map<string, string>();
  const others: string[] = [];
  for (const file of files) {
    const uid = await seriesOf(file);
    // Who reads a file that is no DICOM says so.
    if (uid === undefined) others.push(file);
    else if (uid !== null && !first.has(uid)) first.set(uid, file);
  }
  return [...first.values(), ...others];
}

/**
 * DICOM files as volumes: one path for each series of a folder, the folder itself where it holds no other series, else a file of the
 * series. What holds no volume is left out.
 */
export async function representSeries(files: readonly string[]): Promise<string[]> {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const list = folders.get(dirname(file));
    if (list) list.push(file);
    else folders.set(dirname(file), [file]);
  }
  const names = [...folders.keys()];
  const paths: string[] = [];
  for (const [folder, list] of folders) {
    const alone = !names.some(
      (other) => other !== folder && /^[\\/]/.test(other.slice(folder.length)) && other.startsWith(folder),
    );
    paths.push(...(await representIn(folder, list, alone)));
  }
  return paths;
}
