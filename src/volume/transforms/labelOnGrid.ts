import { voxelCount, type Vec3 } from '../../geometry';
import { composeAffine, invertAffine } from '../affine';
import { newArrayLike } from '../layout/stridedCopy';
import type { Affine, Volume, VoxelArray } from '../types';

/** The voxel that a fractional index lies in, or −1 outside; half-way indices go up. */
const nearest = (at: number, size: number): number => {
  const index = Math.floor(at + 0.5);
  return index >= 0 && index < size ? index : -1;
};

/**
 * Brings a label map to another voxel grid in the same space: each voxel of the grid gets the value of the nearest voxel of
 * the map, and 0 outside it. So a segmentation of a turned, resampled and cut volume goes back to the image it came from.
 *
 * @param label one channel
 * @param affine of the grid
 */
export function labelOnGrid<T extends VoxelArray>(label: Volume<T>, size: Vec3, affine: Affine): Volume<T> {
  const [, nx, ny, nz] = label.shape;
  const m = composeAffine(invertAffine(label.affine), affine);
  const data = newArrayLike(label.data, voxelCount(size));
  let at = 0;
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++) {
      const start = [0, 4, 8].map((row) => m[row]! * i + m[row + 1]! * j + m[row + 3]!) as [number, number, number];
      for (let k = 0; k < size[2]; k++, at++) {
        // Grids that share voxels must meet on them whatever the rounding of the affines.
        const x = nearest(start[0] + m[2]! * k + 1e-6, nx);
        const y = nearest(start[1] + m[6]! * k + 1e-6, ny);
        const z = nearest(start[2] + m[10]! * k + 1e-6, nz);
        if (x >= 0 && y >= 0 && z >= 0) data[at] = label.data[(x * ny + y) * nz + z]!;
      }
    }
  return { data, shape: [1, ...size], affine };
}
