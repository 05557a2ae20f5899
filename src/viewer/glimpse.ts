import { axesOf } from '../geometry';
import type { Vec3 } from '../geometry';
import type { EarlySlice, Glimpse, Plane } from '../protocol/volume';
import type { GrowingVoxels } from '../volume';
import { type CanonicalView } from './canonical';
import { summarizeValues } from './statistics';

/** Pixels a side, at most: what crosses stays small. */
const SIDE = 192;

/** For each plane along the file's third axis the one to show there: itself, the nearest that was read early, or none (−1). */
export function planesToShow(planes: Uint8Array, reach: number): Int32Array {
  return Int32Array.from(planes, (_, at) => {
    for (let away = 0; away <= reach; away++) {
      if (planes[at - away]) return at - away;
      if (planes[at + away]) return at + away;
    }
    return -1;
  });
}

/** A thinned-out slice of the voxels that were read; others are NaN. */
function earlySlice(
  { voxels, header }: GrowingVoxels,
  view: CanonicalView,
  show: Int32Array,
  plane: Plane,
  index: number,
): EarlySlice {
  const { size } = view.grid;
  const [across, down] = axesOf(plane);
  const step = Math.max(1, Math.ceil(Math.max(size[across]!, size[down]!) / SIDE));
  const [width, height] = [Math.ceil(size[across]! / step), Math.ceil(size[down]! / step)];
  const data = new Float32Array(width * height);
  const { axis, flipped } = view.storage;
  const planeVoxels = header.size[0] * header.size[1];
  // Of the canonical axes, the one along which the file's planes lie.
  const depth = axis.indexOf(2);
  const at: [number, number, number] = [0, 0, 0];
  at[plane] = index;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to++) {
      [at[across], at[down]] = [x * step, y * step];
      const stored = flipped[depth] ? size[depth]! - 1 - at[depth]! : at[depth]!;
      const shown = show[stored]!;
      const place = view.origin + at[0] * view.strides[0] + at[1] * view.strides[1] + at[2] * view.strides[2];
      data[to] = shown < 0 ? Number.NaN : voxels![place + (shown - stored) * planeVoxels]!;
    }
  }
  return { plane, index, step, width, height, data };
}

/** What can be shown of the first channel of a volume that is still being read; `indices` are the three slices looked at. */
export function glimpseOf(growing: GrowingVoxels, view: CanonicalView, indices: Vec3): Glimpse {
  const { share, voxels, header } = growing;
  if (!voxels) return { share, slices: [] };
  const first = growing.planes.subarray(0, header.size[2]);
  const show = planesToShow(first, header.compressed ? 0 : Math.ceil(header.size[2] / 32));
  const slices = ([0, 1, 2] as const).map((plane) => earlySlice(growing, view, show, plane, indices[plane]));
  const values = Float32Array.from(slices.flatMap(({ data }) => [...data]));
  const summary = summarizeValues(values, header.slope, header.intercept, header.description);
  if (!summary) return { share, slices: [] };
  const { range, window, hounsfield } = summary;
  return { share, slices, values: { range, window, hounsfield } };
}
