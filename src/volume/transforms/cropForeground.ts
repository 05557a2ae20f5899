import type { Volume, VoxelArray } from '../types';
import { cropBox, type Box } from './box';

const EMPTY: Box = { start: [0, 0, 0], end: [0, 0, 0] };

/**
 * The smallest box around all voxels above `threshold` in any channel, grown by `margin` voxels and cut at the edges: MONAI
 * `generate_spatial_bounding_box` with `x > threshold`. Without such a voxel the box is empty (0 to 0).
 */
export function foregroundBox(volume: Volume, threshold: number, margin = 0): Box {
  const [channels, nx, ny, nz] = volume.shape;
  const data = volume.data;
  let [x0, x1, y0, y1, z0, z1] = [nx, -1, ny, -1, nz, -1];
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        const base = ((c * nx + x) * ny + y) * nz;
        let first = 0;
        while (first < nz && !(data[base + first]! > threshold)) first++;
        if (first === nz) continue;
        let last = nz - 1;
        while (!(data[base + last]! > threshold)) last--;
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
        if (first < z0) z0 = first;
        if (last > z1) z1 = last;
      }
    }
  }
  if (x1 < 0) return EMPTY;
  return {
    start: [Math.max(x0 - margin, 0), Math.max(y0 - margin, 0), Math.max(z0 - margin, 0)],
    end: [Math.min(x1 + 1 + margin, nx), Math.min(y1 + 1 + margin, ny), Math.min(z1 + 1 + margin, nz)],
  };
}

/**
 * Cuts to the foreground: MONAI `CropForeground(select_fn=x > threshold, allow_smaller=True)`. Without foreground the result has size 0 on
 * every axis, as MONAI's.
 *
 * @returns the volume and its box, so that a label can be cut alike.
 */
export function cropForeground<T extends VoxelArray>(
  volume: Volume<T>,
  threshold: number,
  margin = 0,
): { volume: Volume<T>; box: Box } {
  const box = foregroundBox(volume, threshold, margin);
  return { volume: cropBox(volume, box), box };
}
