import type { Vec3 } from '../../geometry';
import type { VoxelArray } from '../types';
import { newArrayLike } from './stridedCopy';

/** Every n-th voxel along x, y and z of voxels that are x fastest, then y, z, channel. */
export function keepEveryNth(
  voxels: VoxelArray,
  [nx, ny, nz, channels]: readonly [number, number, number, number],
  step: Vec3,
): VoxelArray {
  const kept = [nx, ny, nz].map((n, axis) => Math.ceil(n / step[axis]!));
  const out = newArrayLike(voxels, kept[0]! * kept[1]! * kept[2]! * channels);
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < nz; z += step[2]) {
      for (let y = 0; y < ny; y += step[1]) {
        const row = ((c * nz + z) * ny + y) * nx;
        for (let x = 0; x < nx; x += step[0]) out[to++] = voxels[row + x]!;
      }
    }
  }
  return out;
}
