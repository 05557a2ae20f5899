import type { VoxelArray } from '../types';
import { scaleOne } from './scaling';
import { allOf, floatsFor, isWhole, readPlane, viewShape, type VoxelView } from './voxelView';

export type Range = readonly [min: number, max: number];

/** The least and largest finite value; infinite ones (∞, −∞) when there is none. */
export function finiteRange(data: VoxelArray): [min: number, max: number] {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return integerRange(data);
  let [min, max] = [Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < min && value !== -Infinity) min = value;
    if (value > max && value !== Infinity) max = value;
  }
  return [min, max];
}

/** Starts from a voxel and not from infinity: comparisons of integers are much faster. */
function integerRange(data: VoxelArray): [min: number, max: number] {
  if (data.length === 0) return [Infinity, -Infinity];
  let [min, max] = [data[0]!, data[0]!];
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return [min, max];
}

/**
 * The {@link finiteRange} of a view.
 *
 * @param within of what the view is a part of: the search ends where it has met both.
 */
export function rangeOfView(view: VoxelView, within: Range = [-Infinity, Infinity]): Range {
  const [channels, nx, ny, nz] = viewShape(view);
  if (isWhole(view) && !view.scaling) return finiteRange(view.source.data);
  const plane = floatsFor(view, ny * nz);
  const [ys, zs] = [allOf(ny), allOf(nz)];
  let [min, max] = [Infinity, -Infinity];
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < nx; x++) {
      readPlane(view, c, x, ys, zs, plane);
      const [least, most] = finiteRange(plane);
      [min, max] = [Math.min(min, least), Math.max(max, most)];
      if (min <= within[0] && max >= within[1]) return [min, max];
    }
  }
  return [min, max];
}

/** The range of a scaled view whose source has a range, where all channels are scaled alike; the order of values stays or turns. */
export function scaledRange({ source, scaling: channels }: VoxelView, [min, max]: Range): Range | undefined {
  const scaling = channels?.[0]?.scaling;
  if (!scaling || scaling.keepZero || channels.some((other) => other.scaling !== scaling)) return undefined;
  // The numbers may have been rounded to float32 since the range was found.
  const stored = (value: number): number => (source.data instanceof Float32Array ? Math.fround(value) : value);
  const [a, b] = [scaleOne(stored(min), scaling), scaleOne(stored(max), scaling)];
  return a < b ? [a, b] : [b, a];
}
