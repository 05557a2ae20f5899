import { composeAffine, identityAffine } from '../affine';
import { copyBlock, newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';

export type SpatialAxis = 0 | 1 | 2;

/** Mirrors along a spatial axis (0 = X): MONAI `Flip`. The affine follows. */
export function flip<T extends VoxelArray>(volume: Volume<T>, axis: SpatialAxis): Volume<T> {
  const [channels, nx, ny, nz] = volume.shape;
  const size = [nx, ny, nz] as const;
  const strides: [number, number, number] = [ny * nz, nz, 1];
  const start = (size[axis] - 1) * strides[axis];
  strides[axis] = -strides[axis];
  const data = newArrayLike(volume.data, volume.data.length);
  for (let c = 0; c < channels; c++) {
    const base = c * nx * ny * nz;
    copyBlock(volume.data, { offset: base + start, strides }, size, data, base);
  }
  const mirror = identityAffine();
  mirror[axis * 5] = -1;
  mirror[axis * 4 + 3] = size[axis] - 1;
  return { data, shape: volume.shape, affine: composeAffine(volume.affine, mirror) };
}
