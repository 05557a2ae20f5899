import { dirname } from 'node:path';
import { groupedBy } from '../../registry/grouped';
import { noVolume } from './objects';
import { parseFile } from './scan';

/** What a file is that cannot be read. */
const DAMAGED = 'damaged';

/** The series of a file; undefined for what is no DICOM, null for DICOM that holds no volume. */
async function seriesOf(file: string): Promise<{ uid: string } | typeof DAMAGED | null | undefined> {
  const found = await parseFile(file).catch(() => null);
  if (!found) return found === null ? DAMAGED : undefined;
  const { data } = found.parsed;
  if (data.has('x00041220') || noVolume(data)) return null;
  return { uid: data.text('x0020000e') };
}

/** Files of one folder by their series. Where the first, middle and last are of one series, the others are taken to be, too. */
async function representIn(folder: string, files: readonly string[], alone: boolean): Promise<string[]> {
  const samples = [files[0]!, files[files.length >> 1]!, files.at(-1)!];
  const sampled = await Promise.all(samples.map(seriesOf));
  const uids = sampled.map((one) => (typeof one === 'object' ? one?.uid : undefined));
  if (uids[0] !== undefined && uids.every((uid) => uid === uids[0]) && files.length > 1)
    return [alone ? folder : files[0]!];
  const first = new Map<string, string>();
  const others: string[] = [];
  const damaged: string[] = [];
  for (const file of files) {
    const series = await seriesOf(file);
    // Who reads a file that is no DICOM says so.
    if (series === undefined) others.push(file);
    else if (series === DAMAGED) damaged.push(file);
    else if (series !== null && !first.has(series.uid)) first.set(series.uid, file);
  }
  // Beside slices that can be read, who reads those names the damaged one; where there are none, one stands for all.
  if (first.size === 0) others.push(...damaged.slice(0, 1));
  return [...first.values(), ...others];
}

/**
 * DICOM files as volumes: one path for each series of a folder, the folder itself where it holds no other series, else a file of the
 * series. What holds no volume is left out.
 */
export async function representSeries(files: readonly string[]): Promise<string[]> {
  const folders = groupedBy(files, dirname);
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
