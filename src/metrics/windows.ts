import { mapVec3, voxelCount, type Vec3 } from '../geometry';

export type ImportanceMode = 'constant' | 'gaussian';

/** Distance between windows along an axis: MONAI `_get_scan_interval`. */
export function scanInterval(size: number, roi: number, overlap: number): number {
  if (roi === size) return roi;
  return Math.max(1, Math.trunc(roi * (1 - overlap)));
}

/** First voxels of the windows along an axis of at least `roi` voxels: MONAI `dense_patch_slices`. */
export function windowStarts(size: number, roi: number, overlap: number): number[] {
  const interval = scanInterval(size, roi, overlap);
  const starts: number[] = [];
  for (let start = 0; ; start += interval) {
    starts.push(Math.min(start, size - roi));
    if (start + roi >= size) return starts;
  }
}

/** Windows of a volume, the last axis fastest. */
export function windowsOf(size: Vec3, roi: Vec3, overlap: number): Vec3[] {
  const [xs, ys, zs] = size.map((n, axis) => windowStarts(n, roi[axis]!, overlap)) as [number[], number[], number[]];
  return xs.flatMap((x) => ys.flatMap((y) => zs.map((z) => [x, y, z] as const)));
}

/** Voxels to add before and after each axis so that a window fits: MONAI pads both sides, the odd voxel after. */
export function windowPadding(size: Vec3, roi: Vec3): { before: Vec3; padded: Vec3 } {
  const missing = mapVec3(size, (n, axis) => Math.max(0, roi[axis] - n));
  return {
    before: mapVec3(missing, (n) => Math.floor(n / 2)),
    padded: mapVec3(size, (n, axis) => n + missing[axis]),
  };
}

/** Width of the Gaussian as a share of the window, and the least weight: MONAI's defaults. */
const SIGMA = 0.125;
const LEAST = 1e-3;

/** Weight of each voxel of a window, `[X, Y, Z]`: MONAI `compute_importance_map` (float32, clamped from below at 0.001). */
export function importanceMap(roi: Vec3, mode: ImportanceMode): Float32Array {
  const map = new Float32Array(voxelCount(roi)).fill(1);
  if (mode === 'constant') return map;
  const profile = (n: number): Float32Array =>
    Float32Array.from({ length: n }, (_, i) => Math.exp(-((i - (n - 1) / 2) ** 2) / (2 * (SIGMA * n) ** 2)));
  const [px, py, pz] = [profile(roi[0]), profile(roi[1]), profile(roi[2])];
  let [at, least] = [0, Infinity];
  for (const x of px)
    for (const y of py) {
      const xy = Math.fround(x * y);
      for (const z of pz) {
        const value = (map[at++] = xy * z);
        if (value < least) least = value;
      }
    }
  const floor = Math.max(Math.fround(least), LEAST);
  for (let i = 0; i < map.length; i++) if (map[i]! < floor) map[i] = floor;
  return map;
}
