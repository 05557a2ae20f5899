import { dirname, join } from 'node:path';
import { caseName } from './case';
import type { Found } from './found';
import { isFile } from '../../files/kinds';

const channelFile = (image: string, channel: number): string => {
  const name = caseName(image);
  return join(
    dirname(image),
    `${name}_${String(channel).padStart(4, '0')}${image.slice(dirname(image).length + 1 + name.length)}`,
  );
};

/**
 * The lists of nnU-Net's version 1 name `imagesTr/CASE.nii.gz` where the disk has `CASE_0000.nii.gz` and so on. Such entries get
 * their channels' files; all others stay as they are.
 *
 * @param names of the channels, as the list says
 */
export async function withChannelFiles(
  cases: readonly Found[],
  names: readonly string[] | undefined,
): Promise<Found[]> {
  if (!names) return [...cases];
  return Promise.all(
    cases.map(async (item): Promise<Found> => {
      const { image } = item;
      if (typeof image !== 'string') return image.length === names.length ? { ...item, channels: names } : item;
      if (await isFile(image)) return item;
      const files = names.map((_, i) => channelFile(image, i));
      const there = await Promise.all(files.map(isFile));
      if (!there.some((found) => found)) return item;
      return {
        ...item,
        name: item.name ?? caseName(image),
        image: files.map((file, i) => (there[i] ? file : '')),
        channels: names,
      };
    }),
  );
}
