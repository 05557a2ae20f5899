import { UserError } from '../../errors/userError';
import { sameName } from '../../labels/named';
import { counted, plural } from '../../text';
import { ProgressBar } from '../../text/progressBar';
import {
  compareGrids,
  gridOf,
  ontoGrid,
  readHeader,
  readVolume,
  writeNifti,
  type Grid,
  type Volume,
  type VoxelArray,
} from '../../volume';
import { cacheFolder, cacheKey, resultImage } from '../cache';
import { completeCases, imageFiles, type Case, type Mask } from '../datalist';
import type { ClassValues } from './labelCodes';
import { exists } from '../../files/kinds';

type Say = (text: string) => void;

interface Part extends Mask {
  readonly className: string;
  readonly value: number;
}

/** Masks with the values of the classes that are called like them; masks of no class are left out. */
function partsOf(item: Case, classes: readonly ClassValues[]): Part[] {
  const masks = item.masks ?? [];
  const parts = classes.flatMap(({ name, values }): Part[] => {
    const mask = masks.find((one) => sameName(one.name, name));
    return mask ? [{ ...mask, className: name, value: values[0]! }] : [];
  });
  if (parts.length > 0) return parts;
  const [wanted, known] = [classes, masks].map((list) => list.slice(0, 6).map(({ name }) => name));
  throw new UserError(
    `${masks[0]?.file ?? item.id}: no mask of the case ${item.id} has the name of a class: the masks are ${known!.join(', ')}, … ` +
      `and the classes ${wanted!.join(', ')}; call the classes of task.classes as the masks`,
  );
}

/** The classes that a case has masks of, where it does not have all. */
function labelledOf(parts: readonly Part[], item: Case, classes: readonly ClassValues[], onWarning: Say) {
  if (parts.length === classes.length) return {};
  const labelled = parts.map(({ className }) => className);
  const absent = classes.filter(({ name }) => !labelled.includes(name)).map(({ name }) => name);
  onWarning(
    `${item.masks![0]!.file}: the case ${item.id} has no mask of ${absent.slice(0, 6).join(', ')}, so it does not count as labelled there`,
  );
  return { labelled: item.labelled ?? labelled };
}

function voxelsOf(data: VoxelArray): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i]! > 0.5) count++;
  return count;
}

/**
 * Brings a mask onto a grid that it has in any orientation, or covers a part of.
 *
 * @throws UserError naming the mask when it lies elsewhere, or has voxels outside
 */
function maskOn<T extends VoxelArray>(volume: Volume<T>, grid: Grid, file: string, other: string): Volume<T> {
  const { place } = compareGrids(gridOf(volume), grid);
  if (place === 'elsewhere')
    throw new UserError(`${file}: lies on another voxel grid than ${other}; masks of one case must share theirs`);
  const placed = ontoGrid(volume, grid);
  const lost = place === 'cropped' ? voxelsOf(volume.data) - voxelsOf(placed.data) : 0;
  if (lost === 0) return placed;
  throw new UserError(
    `${file}: ${counted(lost, 'voxel')} of the mask lie outside of ${other}; pair the image with its own masks`,
  );
}

/**
 * Both on one grid: that of the first, or where the second was cut, or the first was, that of the image.
 *
 * @throws UserError naming the mask that lies elsewhere
 */
async function onOneGrid(
  under: Volume<Uint16Array> | undefined,
  mask: { readonly volume: Volume; readonly file: string },
  item: Case,
  first: string,
): Promise<[Volume<Uint16Array>, Volume]> {
  const { volume, file } = mask;
  if (!under)
    return [{ data: new Uint16Array(volume.data.length), shape: volume.shape, affine: volume.affine }, volume];
  const grid = gridOf(under);
  const { place } = compareGrids(gridOf(volume), grid);
  if (place !== 'elsewhere' && place !== 'cropped') return [under, maskOn(volume, grid, file, first)];
  const [image] = imageFiles(item);
  const whole = await readHeader(image!);
  const fits = [grid, gridOf(volume)].every((one) => ['same', 'cropped'].includes(compareGrids(one, whole).place));
  if (!fits) return [under, maskOn(volume, grid, file, first)];
  return [maskOn(under, whole, first, image!), maskOn(volume, whole, file, image!)];
}

/** Lays masks over each other, the class with the higher number on top. */
async function merged(parts: readonly Part[], item: Case, onWarning: Say): Promise<Volume> {
  let result: Volume<Uint16Array> | undefined;
  const overlaps = new Map<string, number>();
  const owner = new Map(parts.map(({ value, name }) => [value, name]));
  const sorted = [...parts].sort((a, b) => a.value - b.value);
  for (const { file, value, name } of sorted) {
    const read = await readVolume(file, { channel: 0 });
    let volume: Volume;
    [result, volume] = await onOneGrid(result, { volume: read.volume, file }, item, sorted[0]!.file);
    for (let i = 0; i < volume.data.length; i++) {
      if (!(volume.data[i]! > 0.5)) continue;
      const under = result.data[i]!;
      if (under > 0) {
        const pair = `${owner.get(under)!} and ${name}`;
        overlaps.set(pair, (overlaps.get(pair) ?? 0) + 1);
      }
      result.data[i] = value;
    }
  }
  if (overlaps.size > 0) {
    const [pair, count] = [...overlaps].sort((a, b) => b[1] - a[1])[0]!;
    const total = [...overlaps.values()].reduce((sum, n) => sum + n, 0);
    onWarning(
      `${item.id}: ${total} ${plural(total, 'voxel lies', 'voxels lie')} in two masks (${pair}: ${count}${overlaps.size > 1 ? ', …' : ''}); the class listed later is taken`,
    );
  }
  return result!;
}

function narrow(volume: Volume): Volume {
  const { data } = volume;
  return data.every((value) => value < 256) ? { ...volume, data: Uint8Array.from(data) } : volume;
}

/** The file that holds the merged masks, made when it is not there. */
async function mergedFile(parts: readonly Part[], item: Case, folder: string, onWarning: Say): Promise<string> {
  const files = parts.map(({ file }) => file);
  // Cut masks are merged on the image's grid.
  const file = resultImage(
    folder,
    await cacheKey([...files, imageFiles(item)[0]!], { masks: parts.map(({ value }) => value) }),
  );
  if (!(await exists(file)))
    await writeNifti(file, narrow(await merged(parts, item, onWarning)), { description: 'merged masks' });
  return file;
}

export interface MergeOptions {
  /** Folder of the cache, as the config has it. */
  readonly folder: string | null;
  /** Told of voxels in several masks, and of classes without a mask. */
  readonly onWarning: Say;
}

async function withLabel<C extends Case>(
  item: C,
  classes: readonly ClassValues[],
  { folder, onWarning }: MergeOptions,
) {
  const parts = partsOf(item, classes);
  const label = await mergedFile(parts, item, cacheFolder(folder), onWarning);
  return { ...item, label, ...labelledOf(parts, item, classes, onWarning) };
}

/**
 * Gives cases with masks a label map: a file in the cache, made once. Other cases stay as they are. A case whose masks cannot be
 * merged has a problem: no class has a mask there, a mask cannot be read, or masks lie on different grids.
 *
 * @param classes of the task: a mask has the first value of the class of its name
 * @throws UserError naming the first case when there is none whose masks can be merged
 */
export async function mergeMasks<C extends Case>(
  cases: readonly C[],
  classes: readonly ClassValues[],
  options: MergeOptions,
): Promise<C[]> {
  const count = cases.filter(({ masks }) => masks).length;
  if (count === 0) return [...cases];
  const bar = new ProgressBar('merging masks', count);
  let done = 0;
  const complete = async (item: C): Promise<C> => {
    if (!item.masks) return item;
    return withLabel(item, classes, options).finally(() => bar.update(++done, item.id));
  };
  const image = (item: C): string => imageFiles(item)[0]!;
  return completeCases(cases, image, complete).finally(() => bar.end());
}
