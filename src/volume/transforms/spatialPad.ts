import type { Vec3 } from '../../geometry';
import { shiftAffine } from '../affine';
import { newArrayLike } from '../layout/stridedCopy';
import type { Volume, VoxelArray } from '../types';

/** Voxels that {@link spatialPad} adds before and after on each axis. */
export function padWidths(shape: Volume['shape'], size: Vec3): [number, number][] {
  return size.map((wanted, k) => {
    const total = Math.max(wanted - shape[k + 1]!, 0);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
}

/**
 * Pads with `value` to at least `size`, the odd voxel at the end: MONAI `SpatialPad(method="symmetric", mode="constant")`. An axis of size −1,
 * or one that is long enough, stays. The affine follows.
 */
export function spatialPad<T extends VoxelArray>(volume: Volume<T>, size: Vec3, value = 0): Volume<T> {
  const widths = padWidths(volume.shape, size);
  if (widths.every(([before, after]) => before + after === 0)) return volume;
  const [channels, nx, ny, nz] = volume.shape;
  const [ox, oy, oz] = [nx, ny, nz].map((n, k) => n + widths[k]![0] + widths[k]![1]) as [number, number, number];
  const before = widths.map((width) => width[0]) as [number, number, number];
  const data = newArrayLike(volume.data, channels * ox * oy * oz);
  if (value !== 0) data.fill(value);
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        const from = ((c * nx + x) * ny + y) * nz;
        const to = ((c * ox + x + before[0]) * oy + y + before[1]) * oz + before[2];
        data.set(volume.data.subarray(from, from + nz), to);
      }
    }
  }
  const affine = shiftAffine(volume.affine, [-before[0], -before[1], -before[2]]);
  return { data, shape: [channels, ox, oy, oz], affine };
}
