import { mapAxes, type Axis, type Vec3 } from './vec3';

/** An axis-aligned box of voxels: `start` to `start + size`, the end excluded. */
export interface Box {
  readonly start: Vec3;
  readonly size: Vec3;
}

/** Voxels from `start` (included) to `end` (excluded). */
export function boxBetween(start: Vec3, end: Vec3): Box {
  return { start, size: mapAxes((axis) => end[axis] - start[axis]) };
}

/** The first place behind a box along each axis. */
export function boxEnd({ start, size }: Box): Vec3 {
  return mapAxes((axis) => start[axis] + size[axis]);
}

/** The box of `size` voxels around a centre: it starts at `centre − size // 2`. */
export function boxAround(centre: Vec3, size: Vec3): Box {
  return { start: mapAxes((axis) => centre[axis] - Math.floor(size[axis] / 2)), size };
}

/** Voxels along one axis that two boxes share. */
export function overlapAlong(axis: Axis, a: Box, b: Box): number {
  const end = Math.min(a.start[axis] + a.size[axis], b.start[axis] + b.size[axis]);
  return Math.max(0, end - Math.max(a.start[axis], b.start[axis]));
}
