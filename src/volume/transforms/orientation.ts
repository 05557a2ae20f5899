import { voxelCount } from '../../geometry';
import { composeAffine } from '../affine';
import { orientationOf, parseAxisCodes } from '../axcodes';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';

/**
 * Permutes and mirrors the axes so that they run towards `codes` (MONAI `Orientation`, nibabel `io_orientation`). Voxel values
 * are untouched; the affine follows, so every voxel stays where it is in the body.
 *
 * @param codes such as `RAS`: the positive end of each output axis.
 * @returns the same volume when it lies so already.
 * @throws UserError for codes that are not valid, or a singular affine.
 */
export function orient<T extends VoxelArray>(volume: Volume<T>, codes: string): Volume<T> {
  const from = orientationOf(volume.affine);
  const to = parseAxisCodes(codes);
  const order = to.axis.map((world) => from.axis.indexOf(world));
  const flip = order.map((axis, i) => from.sign[axis]! !== to.sign[i]!);
  if (order.every((axis, i) => axis === i && !flip[i])) return volume;

  const [channels, ...size] = volume.shape;
  const inStrides = [size[1] * size[2], size[2], 1];
  const outSize = order.map((axis) => size[axis]!) as [number, number, number];
  const strides = order.map((axis, i) => (flip[i] ? -inStrides[axis]! : inStrides[axis]!)) as [number, number, number];
  const start = order.reduce((sum, axis, i) => sum + (flip[i] ? (size[axis]! - 1) * inStrides[axis]! : 0), 0);
  const voxels = voxelCount(size);
  const data = newArrayLike(volume.data, volume.data.length);
  for (let c = 0; c < channels; c++) {
    copyBlock(volume.data, { offset: c * voxels + start, strides }, outSize, data, c * voxels);
  }

  const back = new Float64Array(16);
  back[15] = 1;
  order.forEach((axis, i) => {
    back[axis * 4 + i] = flip[i] ? -1 : 1;
    if (flip[i]) back[axis * 4 + 3] = size[axis]! - 1;
  });
  return { data, shape: [channels, ...outSize], affine: composeAffine(volume.affine, back) };
}
