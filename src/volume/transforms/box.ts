import { shiftAffine, type Vector3 } from '../affine';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';

/** Voxels from `start` (included) to `end` (excluded) on each axis. */
export interface Box {
  readonly start: Vector3;
  readonly end: Vector3;
}

/** Cuts a box that may reach over the edges (what is outside is left out); the affine follows. */
export function cropBox<T extends VoxelArray>(volume: Volume<T>, box: Box): Volume<T> {
  const [channels, ...size] = volume.shape;
  const start = box.start.map((value, k) => Math.min(Math.max(value, 0), size[k]!)) as unknown as Vector3;
  const end = box.end.map((value, k) => Math.min(Math.max(value, start[k]!), size[k]!));
  const out = end.map((value, k) => value - start[k]!) as [number, number, number];
  const data = newArrayLike(volume.data, channels * out[0] * out[1] * out[2]);
  const strides = [size[1] * size[2], size[2], 1] as const;
  for (let c = 0; c < channels; c++) {
    const offset = c * size[0] * strides[0] + start[0] * strides[0] + start[1] * strides[1] + start[2];
    copyBlock(volume.data, { offset, strides }, out, data, c * out[0] * out[1] * out[2]);
  }
  return { data, shape: [channels, ...out], affine: shiftAffine(volume.affine, start) };
}
