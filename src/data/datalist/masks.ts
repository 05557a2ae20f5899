import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors/userError';
import { isLabelFolder } from '../../labels/named';
import { caseName, isVolumeFile } from './case';
import { firstFile, type Found, type Mask } from './found';
import { byName } from './glob';

/** Which masks of a case are merged into its label map: all of its folder of masks, or those of these names. */
export type MaskChoice = 'all' | readonly string[];

/** A folder of masks beside an image, as AbdomenAtlas and TotalSegmentator have it: `case/ct.nii.gz`, `case/segmentations/`. */
export async function masksBeside(image: string): Promise<Mask[]> {
  const entries = await readdir(dirname(image), { withFileTypes: true }).catch(() => []);
  for (const { name } of entries.filter(({ name }) => isLabelFolder(name)).sort((a, b) => byName(a.name, b.name))) {
    const folder = join(dirname(image), name);
    const files = (await readdir(folder).catch(() => [])).filter(isVolumeFile).sort(byName);
    if (files.length > 0) return files.map((file) => ({ file: join(folder, file), name: caseName(file) }));
  }
  return [];
}

/**
 * The masks of a case that are asked for, in the order of the choice or of their names.
 *
 * @throws UserError when there are none
 */
export async function chosenMasks(item: Found, choice: MaskChoice): Promise<readonly Mask[]> {
  const image = firstFile(item);
  const masks = await masksBeside(image);
  if (masks.length === 0) {
    const there = await stat(image).catch(() => undefined);
    const what = there ? 'no folder of masks (segmentations) lies beside it' : 'no such file';
    throw new UserError(`${image}: ${what}; "masks" needs case/ct.nii.gz and case/segmentations/*.nii.gz`);
  }
  if (choice === 'all') return masks;
  return choice.map((name) => {
    const mask = masks.find((one) => one.name === name);
    if (mask) return mask;
    const known = masks.map((one) => one.name);
    throw new UserError(`${dirname(masks[0]!.file)}: has no mask "${name}"; it has ${shortened(known)}`);
  });
}

const shortened = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ');
