import { composeAffine } from '../affine';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';
import { flip, type SpatialAxis } from './flip';

/**
 * Rotates `k` quarter turns in the plane of two spatial axes, from the first towards the second: MONAI `Rotate90`, torch
 * `rot90`. For k = 1, out[i, j] = in[j, n − 1 − i] with n the input size of the second axis. The affine follows.
 */
export function rotate90<T extends VoxelArray>(
  volume: Volume<T>,
  k: number,
  axes: readonly [SpatialAxis, SpatialAxis] = [0, 1],
): Volume<T> {
  const turns = ((k % 4) + 4) % 4;
  if (turns === 0) return volume;
  if (turns === 2) return flip(flip(volume, axes[0]), axes[1]);
  return turns === 1 ? swapAxes(flip(volume, axes[1]), axes) : flip(swapAxes(volume, axes), axes[1]);
}

function swapAxes<T extends VoxelArray>(volume: Volume<T>, [a, b]: readonly [SpatialAxis, SpatialAxis]): Volume<T> {
  const [channels, nx, ny, nz] = volume.shape;
  const size: [number, number, number] = [nx, ny, nz];
  const strides: [number, number, number] = [ny * nz, nz, 1];
  [size[a], size[b]] = [size[b], size[a]];
  [strides[a], strides[b]] = [strides[b], strides[a]];
  const data = newArrayLike(volume.data, volume.data.length);
  for (let c = 0; c < channels; c++) {
    const base = c * nx * ny * nz;
    copyBlock(volume.data, { offset: base, strides }, size, data, base);
  }
  const swap = new Float64Array(16);
  swap[15] = 1;
  for (const axis of [0, 1, 2]) swap[(axis === a ? b : axis === b ? a : axis) * 4 + axis] = 1;
  return { data, shape: [channels, ...size], affine: composeAffine(volume.affine, swap) };
}
