import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors/userError';
import { datalistKeys, readDatalist } from './decathlon';
import { isNnunet } from './nnunet';

/** Lists of nnU-Net and Decathlon, and the folders that hold their images where the list is not written out. */
const FOLDERS: Readonly<Record<string, string>> = { training: 'imagesTr', test: 'imagesTs', validation: 'imagesVal' };

/**
 * The folder of images that a `dataset.json` of nnU-Net stands for, which has no lists of cases; undefined for other lists.
 *
 * @throws UserError when the folder is not beside it
 */
export async function folderOfList(file: string, key = 'training'): Promise<string | undefined> {
  if (!/\.json$/i.test(file)) return undefined;
  const content = await readDatalist(file);
  if (!isNnunet(content) || datalistKeys(content).length > 0) return undefined;
  const folder = FOLDERS[key];
  const there = folder !== undefined && (await stat(join(dirname(file), folder)).catch(() => undefined))?.isDirectory();
  if (folder !== undefined && there) return join(dirname(file), folder);
  const wanted = folder === undefined ? `it has no list "${key}"` : `no ${folder} lies beside it`;
  throw new UserError(`${file}: this is an nnU-Net dataset.json without cases: point at its folder; ${wanted}`);
}
