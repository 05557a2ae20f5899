import type { Voxels } from '../formats/types';

export type VoxelArray = Voxels;

/** A 4×4 matrix in row-major order that maps voxel indices (i, j, k) to millimetres in RAS+ space. */
export type Affine = Float64Array;

/**
 * A volume in memory: channels first, C order (z fastest), as MONAI's `(C, X, Y, Z)` arrays. A one-channel volume is at the
 * same time the network's `(X, Y, Z, C)` layout.
 */
export interface Volume<T extends VoxelArray = VoxelArray> {
  readonly data: T;
  readonly shape: readonly [channels: number, x: number, y: number, z: number];
  readonly affine: Affine;
}
