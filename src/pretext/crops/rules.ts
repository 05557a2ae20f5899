import { mapVec3, type Vec3 } from '../../geometry';
import { error, type Problem } from '../../schema';
import { formatSize } from '../../text';

/** The range of a zoom must rise. */
export function augmentationRules(augment: {
  readonly zoom: { readonly range: readonly [number, number] };
}): Problem[] {
  const [low, high] = augment.zoom.range;
  if (low <= high) return [];
  const at = ['method', 'augment', 'zoom', 'range'];
  return [error(at, `must rise, is ${JSON.stringify([low, high])}`, [high, low])];
}

/** Features that are standardised over the crops of a step need more than one. */
export function rowRules({ perVolume }: { readonly perVolume: number }, train: { readonly batch: number }): Problem[] {
  if (perVolume * train.batch > 1) return [];
  return [
    error(['method', 'perVolume'], 'features are standardised over the crops of a step, and one is not enough', 2),
  ];
}

/** Places in millimetres need volumes that are as large as they are. @param resize `data.preprocess.resize` */
export function placeMmRules(resize: Vec3 | null): Problem[] {
  if (resize === null) return [];
  const message =
    'makes volumes of any field of view the same size, so that places in millimetres (method.cropMm) would mean shares again: set it to null';
  return [error(['data', 'preprocess', 'resize'], message, null)];
}

/** Blocks of `block` voxels must tile a crop, and be more than one. */
export function blockRules(crop: Vec3, block: number, key: string): Problem[] {
  const at = ['method', key];
  if (crop.some((length) => length % block !== 0)) {
    const fitting = [32, 16, 8, 4].find((size) => size < block && crop.every((length) => length % size === 0));
    return [error(at, `blocks of ${block} voxels do not tile crops of ${formatSize(crop)}`, fitting)];
  }
  const [x, y, z] = mapVec3(crop, (length) => length / block);
  return x * y * z > 1 ? [] : [error(at, `one block of ${block} voxels is the whole crop of ${formatSize(crop)}`)];
}

/** Blocks that an encoder halves again and again, or cuts into patches of two voxels. */
export function evenBlockRules(block: number): Problem[] {
  if (Number.isInteger(Math.log2(block))) return [];
  const nearest = 2 ** Math.round(Math.log2(block));
  return [
    error(['method', 'block'], `must be a power of 2, is ${block}: the encoder halves cubes again and again`, nearest),
  ];
}
