import type { Vector3 } from '../affine';
import type { Box, Volume, VoxelArray } from '../types';
import { cropBox } from './box';

/**
 * The window of `size` around `centre` as MONAI's `SpatialCrop` computes it: start = max(trunc(centre) − floor(size / 2), 0), so
 * it is shifted at the low edge, while {@link cropBox} cuts it at the high edge.
 */
export function cropWindow(centre: Vector3, size: Vector3): Box {
  const start = centre.map((value, k) => Math.max(Math.trunc(value) - Math.floor(size[k]! / 2), 0));
  const end = start.map((value, k) => value + size[k]!);
  return { start: start as unknown as Vector3, end: end as unknown as Vector3 };
}

/** MONAI `SpatialCrop(roi_center, roi_size)`; the result is smaller than `size` where the window passes the high edge. */
export function spatialCrop<T extends VoxelArray>(volume: Volume<T>, centre: Vector3, size: Vector3): Volume<T> {
  return cropBox(volume, cropWindow(centre, size));
}

/** MONAI `CenterSpatialCrop(roi_size)`: an axis of size −1 or 0, or one that is shorter, stays whole. */
export function centerSpatialCrop<T extends VoxelArray>(volume: Volume<T>, size: Vector3): Volume<T> {
  const full: Vector3 = [volume.shape[1], volume.shape[2], volume.shape[3]];
  const wanted = size.map((value, k) => (value > 0 ? value : full[k]!)) as unknown as Vector3;
  const centre = full.map((value) => Math.floor(value / 2)) as unknown as Vector3;
  return spatialCrop(volume, centre, wanted);
}
