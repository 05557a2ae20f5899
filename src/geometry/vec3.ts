/** Three numbers along the axes x, y and z of a volume: sizes, places or counts in voxels, spacings in mm. */
export type Vec3 = readonly [number, number, number];

/** A spatial axis: 0 is x, 1 is y, 2 is z. */
export type Axis = 0 | 1 | 2;

/** What the axes are called. */
export const AXES = ['x', 'y', 'z'] as const;

/** A number for each axis. */
export function mapAxes(value: (axis: Axis) => number): Vec3 {
  return [value(0), value(1), value(2)];
}

/** Each number of a vector, changed. */
export function mapVec3(vector: Vec3, change: (value: number, axis: Axis) => number): Vec3 {
  return [change(vector[0], 0), change(vector[1], 1), change(vector[2], 2)];
}

/** Voxels of a volume of this size, nx·ny·nz; of a spacing, the volume of one voxel in mm³. */
export function voxelCount(size: Vec3): number {
  return size[0] * size[1] * size[2];
}

/** Numbers in an array of this shape: the product of its sizes, 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
