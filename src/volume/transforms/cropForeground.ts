import { boxBetween, mapAxes, type Box } from '../../geometry';
import { unscaledThreshold } from '../layout/scaling';
import { allOf, floatsFor, readPlane, viewOf, viewShape, type Floats, type VoxelView } from '../layout/voxelView';
import type { Volume, VoxelArray } from '../types';
import { cropBox } from './box';

/** What counts as foreground: intensities above a number, or voxels whose stored value is not 0, as nnU-Net crops MRI. */
export type Threshold = number | 'nonzero';

const EMPTY: Box = { start: [0, 0, 0], size: [0, 0, 0] };

/**
 * The smallest box around all voxels above `threshold` in any channel, grown by `margin` voxels and cut at the edges: MONAI
 * `generate_spatial_bounding_box` with `x > threshold`. Without such a voxel the box is empty (0 voxels at 0).
 */
export function foregroundBox(volume: Volume, threshold: number, margin = 0): Box {
  return foregroundOfView(viewOf(volume), threshold, margin);
}

/** {@link foregroundBox} of a view, in its voxels; "nonzero" is of the numbers before they are scaled. */
export function foregroundOfView(whole: VoxelView, threshold: Threshold, margin = 0): Box {
  const view = threshold === 'nonzero' ? { ...whole, scaling: null } : whole;
  const [channels, ...size] = viewShape(view);
  const found = { start: [...size], end: [0, 0, 0] };
  const search = new PlaneSearch(view, threshold);
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < size[0]; x++) {
      const plane = search.bounds(c, x, found);
      if (!plane) continue;
      [x, plane.y0, plane.z0].forEach((value, k) => (found.start[k] = Math.min(found.start[k]!, value)));
      [x, plane.y1, plane.z1].forEach((value, k) => (found.end[k] = Math.max(found.end[k]!, value + 1)));
    }
  }
  if (found.end[0] === 0) return EMPTY;
  return boxBetween(
    mapAxes((axis) => Math.max(found.start[axis]! - margin, 0)),
    mapAxes((axis) => Math.min(found.end[axis]! + margin, size[axis])),
  );
}

/** The voxels above a threshold in a part of a plane: the least and largest place of any along both axes. */
interface Bounds {
  readonly y0: number;
  readonly y1: number;
  readonly z0: number;
  readonly z1: number;
}

/** Looks at the planes across x, and there only at what could make a box larger. */
class PlaneSearch {
  private readonly ys: Int32Array;
  private readonly zs: Int32Array;
  private readonly voxels: Floats;
  private readonly view: VoxelView;
  private readonly thresholds: readonly number[];

  private readonly nonzero: boolean;

  constructor(view: VoxelView, wanted: Threshold) {
    this.nonzero = wanted === 'nonzero';
    const threshold = wanted === 'nonzero' ? 0 : wanted;
    const [channels, , ny, nz] = viewShape(view);
    [this.ys, this.zs] = [allOf(ny), allOf(nz)];
    // Comparing before the scaling saves the scaling.
    const unscaled = view.scaling?.map(({ scaling }) => unscaledThreshold(scaling, threshold)) ?? [];
    const before = unscaled.length > 0 && unscaled.every((value) => value !== undefined);
    this.view = before ? { ...view, scaling: null } : view;
    this.thresholds = before ? unscaled : Array.from({ length: channels }, () => threshold);
    this.voxels = floatsFor(this.view, ny * nz);
  }

  /** Bounds of voxels above the threshold, which may leave out those that are inside the box; undefined when it holds all. */
  bounds(c: number, x: number, box: { readonly start: readonly number[]; readonly end: readonly number[] }) {
    const [ny, nz] = [this.ys.length, this.zs.length];
    const [x0, y0, z0] = box.start as [number, number, number];
    const [x1, y1, z1] = box.end as [number, number, number];
    if (x1 === 0) return this.part(c, x, [0, ny], [0, nz]);
    const around = [
      this.part(c, x, [0, y0], [0, nz]),
      this.part(c, x, [y1, ny], [0, nz]),
      this.part(c, x, [y0, y1], [0, z0]),
      this.part(c, x, [y0, y1], [z1, nz]),
    ].filter((part) => part !== undefined);
    if (around.length === 0 && (x < x0 || x >= x1)) {
      for (let y = y0; y < y1; y++) {
        const row = this.part(c, x, [y, y + 1], [z0, z1]);
        if (row) return row;
      }
    }
    return around.length === 0 ? undefined : around.reduce(union);
  }

  private part(c: number, x: number, [y0, y1]: Span, [z0, z1]: Span): Bounds | undefined {
    if (y0 >= y1 || z0 >= z1) return undefined;
    const voxels = this.voxels.subarray(0, (y1 - y0) * (z1 - z0));
    readPlane(this.view, c, x, this.ys.subarray(y0, y1), this.zs.subarray(z0, z1), voxels);
    if (this.nonzero) for (let i = 0; i < voxels.length; i++) voxels[i] = Math.abs(voxels[i]!);
    const found = boundsAbove(voxels, z1 - z0, this.thresholds[c]!);
    return found && { y0: y0 + found.y0, y1: y0 + found.y1, z0: z0 + found.z0, z1: z0 + found.z1 };
  }
}

type Span = readonly [start: number, end: number];

function union(a: Bounds, b: Bounds): Bounds {
  const [y0, z0] = [Math.min(a.y0, b.y0), Math.min(a.z0, b.z0)];
  return { y0, y1: Math.max(a.y1, b.y1), z0, z1: Math.max(a.z1, b.z1) };
}

function boundsAbove(voxels: Floats, width: number, threshold: number): Bounds | undefined {
  let [y0, y1, z0, z1] = [-1, -1, width, -1];
  for (let y = 0, row = 0; row < voxels.length; y++, row += width) {
    let first = 0;
    while (first < width && !(voxels[row + first]! > threshold)) first++;
    if (first === width) continue;
    let last = width - 1;
    while (!(voxels[row + last]! > threshold)) last--;
    if (y0 < 0) y0 = y;
    y1 = y;
    if (first < z0) z0 = first;
    if (last > z1) z1 = last;
  }
  return y0 < 0 ? undefined : { y0, y1, z0, z1 };
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
