import { axesOf } from '../../src/geometry';
import type { Vec3 } from '../../src/geometry';
import type { ErrorMap, LocateReport } from '../../src/protocol/locate';
import type { Plane, Slice } from '../../src/protocol/volume';

/** Where along an axis a voxel lies between the nodes of a map; NaN outside. A single node counts for the whole crop. */
function nodeAt(map: ErrorMap, crop: Vec3, axis: number, voxel: number): number {
  const count = map.counts[axis]!;
  const offset = voxel - map.origin[axis]!;
  if (count === 1) return Math.abs(offset + 0.5) <= crop[axis]! / 2 ? 0 : NaN;
  const at = offset / map.step[axis]!;
  return at >= -1e-6 && at <= count - 1 + 1e-6 ? at : NaN;
}

/** Trilinear interpolation of a map at fractional nodes. */
function valueAt({ counts, values }: ErrorMap, at: readonly number[]): number {
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    let [weight, index] = [1, 0];
    for (const axis of [0, 1, 2] as const) {
      const low = Math.max(0, Math.min(Math.floor(at[axis]!), counts[axis] - 2));
      const share = counts[axis] === 1 ? 0 : at[axis]! - low;
      const high = (corner >> axis) & 1;
      weight *= high ? share : 1 - share;
      index = index * counts[axis] + Math.min(low + high, counts[axis] - 1);
    }
    if (weight > 0) sum += weight * values[index]!;
  }
  return sum;
}

/** A slice of an error map on the volume's voxels, in millimetres; NaN where no centre of a crop can be. */
export function errorSlice({ map, grid }: LocateReport, size: Vec3, plane: Plane, index: number): Slice {
  const [across, up] = axesOf(plane);
  const [width, height] = [size[across]!, size[up]!];
  const data = new Float32Array(width * height).fill(NaN);
  const at = [0, 0, 0];
  at[plane] = nodeAt(map, grid.crop, plane, index);
  if (map.values.length > 0 && !Number.isNaN(at[plane]!)) {
    const columns = Array.from({ length: width }, (_, x) => nodeAt(map, grid.crop, across, x));
    for (let y = 0; y < height; y++) {
      at[up] = nodeAt(map, grid.crop, up, y);
      if (Number.isNaN(at[up]!)) continue;
      for (let x = 0; x < width; x++) {
        at[across] = columns[x]!;
        if (!Number.isNaN(at[across]!)) data[y * width + x] = valueAt(map, at);
      }
    }
  }
  return { index, width, height, data };
}

/** The last error slice of each plane, so that drawing again costs nothing. */
export class ErrorSlices {
  private readonly kept = new Map<Plane, { report: LocateReport; slice: Slice }>();

  of(report: LocateReport, size: Vec3, plane: Plane, index: number): Slice {
    const kept = this.kept.get(plane);
    if (kept?.report === report && kept.slice.index === index) return kept.slice;
    const slice = errorSlice(report, size, plane, index);
    this.kept.set(plane, { report, slice });
    return slice;
  }
}

/** The upper end of a map's colours: the larger of what it reaches and what guessing the middle would give, millimetres. */
export function errorTop({ map, summary }: LocateReport): number {
  return Math.max(summary.guessDistance, ...map.values, 1);
}
