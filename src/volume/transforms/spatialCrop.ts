import { mapAxes, mapVec3, type Box, type Vec3 } from '../../geometry';
import type { Volume, VoxelArray } from '../types';
import { cropBox } from './box';

/**
 * The window of `size` around `centre` as MONAI's `SpatialCrop` computes it: start = max(trunc(centre) − floor(size / 2), 0), so
 * it is shifted at the low edge, while {@link cropBox} cuts it at the high edge.
 */
export function cropWindow(centre: Vec3, size: Vec3): Box {
  return { start: mapAxes((axis) => Math.max(Math.trunc(centre[axis]) - Math.floor(size[axis] / 2), 0)), size };
}

/** MONAI `SpatialCrop(roi_center, roi_size)`; the result is smaller than `size` where the window passes the high edge. */
export function spatialCrop<T extends VoxelArray>(volume: Volume<T>, centre: Vec3, size: Vec3): Volume<T> {
  return cropBox(volume, cropWindow(centre, size));
}

/** MONAI `CenterSpatialCrop(roi_size)`: an axis of size −1 or 0, or one that is shorter, stays whole. */
export function centerSpatialCrop<T extends VoxelArray>(volume: Volume<T>, size: Vec3): Volume<T> {
  const full: Vec3 = [volume.shape[1], volume.shape[2], volume.shape[3]];
  const wanted = mapVec3(size, (value, k) => (value > 0 ? value : full[k]!));
  const centre = mapVec3(full, (value) => Math.floor(value / 2));
  return spatialCrop(volume, centre, wanted);
}
