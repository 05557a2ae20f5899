import { voxelCount, type Box, type Vec3 } from '../geometry';
import { atOnce, type InPieces } from '../rpc/breath';
import { distanceInPieces } from './distanceTransform';
import { quantile } from './reduce';

/** Distances between the surfaces of two masks, in the units of the spacing, ascending. */
export interface SurfaceDistances {
  /** From each surface voxel of the prediction to the truth's surface; infinite when the truth is empty. */
  readonly toTruth: Float64Array;
  readonly toPrediction: Float64Array;
}

/** The box around all voxels of either mask with one voxel of margin, which may reach over the edges. */
function unionBox(a: Uint8Array, b: Uint8Array, size: Vec3): Box | undefined {
  const low = [Infinity, Infinity, Infinity];
  const high = [-1, -1, -1];
  let i = 0;
  for (let x = 0; x < size[0]; x++)
    for (let y = 0; y < size[1]; y++)
      for (let z = 0; z < size[2]; z++, i++) {
        if (a[i] === 0 && b[i] === 0) continue;
        if (x < low[0]!) low[0] = x;
        if (x > high[0]!) high[0] = x;
        if (y < low[1]!) low[1] = y;
        if (y > high[1]!) high[1] = y;
        if (z < low[2]!) low[2] = z;
        if (z > high[2]!) high[2] = z;
      }
  if (high[0]! < 0) return undefined;
  const axis = (k: number): number => high[k]! - low[k]! + 3;
  return { start: [low[0]! - 1, low[1]! - 1, low[2]! - 1], size: [axis(0), axis(1), axis(2)] };
}

/** The mask within a box that has a margin around it. */
function cut(mask: Uint8Array, size: Vec3, { start, size: out }: Box): Uint8Array {
  const result = new Uint8Array(voxelCount(out));
  for (let x = 1; x < out[0] - 1; x++)
    for (let y = 1; y < out[1] - 1; y++) {
      const from = ((start[0] + x) * size[1] + start[1] + y) * size[2] + start[2] + 1;
      result.set(mask.subarray(from, from + out[2] - 2), (x * out[1] + y) * out[2] + 1);
    }
  return result;
}

/** Voxels of the mask with a face neighbour outside it; the outermost layer of the array is empty. */
function surfaceOf(mask: Uint8Array, size: Vec3): Uint8Array {
  const [sx, sy] = [size[1] * size[2], size[2]];
  const edge = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const inner =
      mask[i - 1]! > 0 &&
      mask[i + 1]! > 0 &&
      mask[i - sy]! > 0 &&
      mask[i + sy]! > 0 &&
      mask[i - sx]! > 0 &&
      mask[i + sx]! > 0;
    if (!inner) edge[i] = 1;
  }
  return edge;
}

function distancesAt(edge: Uint8Array, distance: Float64Array): Float64Array {
  return distance.filter((_, i) => edge[i]! > 0).sort();
}

/**
 * Distances between the surfaces of two masks `[X, Y, Z]` (z fastest, non-zero is inside). Surface voxels are those that an
 * erosion with the 6-neighbourhood takes away; what lies outside the volume is background (MONAI `get_mask_edges`,
 * `get_surface_distance`).
 *
 * @param spacing millimetres along each axis.
 */
export function surfaceDistances(
  prediction: Uint8Array,
  truth: Uint8Array,
  size: Vec3,
  spacing: Vec3,
): SurfaceDistances {
  return atOnce(surfaceDistancesInPieces(prediction, truth, size, spacing));
}

/** {@link surfaceDistances} in pieces. */
export function* surfaceDistancesInPieces(
  prediction: Uint8Array,
  truth: Uint8Array,
  size: Vec3,
  spacing: Vec3,
): InPieces<SurfaceDistances> {
  const box = unionBox(prediction, truth, size);
  if (!box) return { toTruth: new Float64Array(0), toPrediction: new Float64Array(0) };
  const [p, t] = [prediction, truth].map((mask) => surfaceOf(cut(mask, size, box), box.size)) as [
    Uint8Array,
    Uint8Array,
  ];
  yield;
  const toTruth = distancesAt(p, yield* distanceInPieces(t, box.size, spacing));
  const toPrediction = distancesAt(t, yield* distanceInPieces(p, box.size, spacing));
  return { toTruth, toPrediction };
}

/** Infinite distances have no percentile below the maximum: NaN, as torch.quantile gives. */
function percentileOf(distances: Float64Array, percentile: number): number {
  if (distances.length === 0) return NaN;
  if (percentile >= 100) return distances.at(-1)!;
  return distances[0] === Infinity ? NaN : quantile(distances, percentile / 100);
}

/**
 * Hausdorff distance at a percentile (95: HD95; 100: the maximum), the larger of both directions: MONAI
 * `compute_hausdorff_distance`. Where only one mask has voxels the maximum is infinite and percentiles are NaN; NaN where
 * neither has any.
 */
export function hausdorff({ toTruth, toPrediction }: SurfaceDistances, percentile = 95): number {
  const both = [percentileOf(toTruth, percentile), percentileOf(toPrediction, percentile)];
  const oneEmpty = toTruth.length === 0 || toPrediction.length === 0;
  const known = both.filter((value) => !Number.isNaN(value));
  if (oneEmpty) return known[0] ?? NaN;
  return Math.max(...both);
}

function within(distances: Float64Array, tolerance: number): number {
  let count = 0;
  while (count < distances.length && distances[count]! <= tolerance) count++;
  return count;
}

/**
 * Normalised surface distance (surface Dice): share of both surfaces that lies within `tolerance` of the other: MONAI
 * `compute_surface_dice` without subvoxels. 0 where only one mask has voxels, NaN where neither has.
 */
export function normalizedSurfaceDistance({ toTruth, toPrediction }: SurfaceDistances, tolerance: number): number {
  const all = toTruth.length + toPrediction.length;
  return all > 0 ? (within(toTruth, tolerance) + within(toPrediction, tolerance)) / all : NaN;
}
