import { basename, dirname } from 'node:path';
import type { VoxelArray } from '../../volume';
import type { Finding } from '../../protocol/datasets';

const FILE_NAME =
  /(^|[-_. ])(labels?|labelmaps?|seg|segs|segmentations?|masks?)([-_. ]|\d*\.(nii|nrrd|nhdr|mha|mhd|mgz|mgh))/i;
const FOLDER_NAME = /^(labels?(tr|ts|val)?|segs?|segmentations?|masks?)$/i;
const MOST_CLASSES = 64;

const finding = (file: string, message: string): Finding => ({
  severity: 'warning',
  file,
  message,
  advice: 'the network would learn from it as if it were an image: list only images, with a datalist or a pattern',
});

/** Whether an image is called like a label map. */
export function namedAsLabels(file: string): Finding[] {
  const named = FILE_NAME.test(basename(file)) || FOLDER_NAME.test(basename(dirname(file)));
  return named ? [finding(file, 'has the name of a label map, not of an image')] : [];
}

/** Whether the voxels of an image are a few whole numbers from 0, as those of a label map. */
export function holdsLabels(file: string, data: VoxelArray): Finding[] {
  const values = new Set<number>();
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(Number.isInteger(value) && value >= 0)) return [];
    if (values.add(value).size > MOST_CLASSES) return [];
  }
  return values.size > 1
    ? [finding(file, `holds only ${values.size} different whole numbers, as a label map does`)]
    : [];
}
