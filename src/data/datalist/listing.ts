import type { CaseList, ListedCase, WrittenSource } from '../../protocol/datasets';
import { imageFiles, withUniqueIds } from './case';
import { firstFile, type ChannelChoice, type Found } from './found';
import { casesAsFound, type DataSource } from './sources';

/** What of a written source is as it must be; undefined where it is no source at all. */
function sourceOf(written: WrittenSource): DataSource | undefined {
  const { datalist, key, folds, baseDir, folder, glob } = written;
  if (typeof datalist === 'string')
    return {
      datalist,
      ...(typeof key === 'string' && { key }),
      ...(typeof baseDir === 'string' && { baseDir }),
      ...(Array.isArray(folds) && { folds: folds.filter((fold) => typeof fold === 'number') }),
    };
  if (typeof folder === 'string') return { folder };
  return typeof glob === 'string' ? { glob } : undefined;
}

/** Which file of a case is shown: that of the channel, by number or name, where it is there. */
function shown(item: Found, channel: unknown): string {
  const files = imageFiles(item);
  const numbered = typeof channel === 'number' || (typeof channel === 'string' && /^\d+$/.test(channel));
  const named = item.channels?.findIndex(
    (name) => name.toLowerCase() === String(channel as ChannelChoice).toLowerCase(),
  );
  const chosen = files[named !== undefined && named >= 0 ? named : numbered ? Number(channel) : 0];
  return chosen || firstFile(item);
}

/** As people count: case2 stands before case10. */
const naturally = new Intl.Collator('en', { numeric: true });

/**
 * The cases of a source for people to look at: those of a list in its order, others by their names.
 *
 * @param home folder that relative paths start from
 * @param most cases that are returned; all are counted
 * @throws UserError when the source cannot be listed, or has no case
 */
export async function listCases(written: WrittenSource, home: string, most: number): Promise<CaseList> {
  const source = sourceOf(written);
  if (!source) return { count: 0, cases: [] };
  const found = await casesAsFound(source, home);
  const images = found.map((item) => shown(item, written.channel));
  // A case's id is that of its files, of which the first may not be there.
  const ids = withUniqueIds(found.map((item, i) => ({ ...item, image: images[i]! })));
  const order = [...found.keys()];
  if (!('datalist' in source)) order.sort((a, b) => naturally.compare(images[a]!, images[b]!));
  const cases = order.slice(0, most).map((at): ListedCase => {
    const item = found[at]!;
    const channels = imageFiles(item).length;
    return {
      id: ids[at]!.id,
      image: images[at]!,
      ...(channels > 1 && { channels }),
      ...(item.label !== undefined && { label: item.label }),
    };
  });
  return { count: found.length, cases };
}
