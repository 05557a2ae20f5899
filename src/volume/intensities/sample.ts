import type { VoxelArray } from '../types';

const SAMPLE = 1 << 17;

/** Rising finite values of an evenly spread sample: at an odd step through the array, which favours no axis of the usual sizes. */
export function sortedSample(data: VoxelArray, most = SAMPLE): Float64Array {
  const step = Math.max(1, Math.floor(data.length / most)) | 1;
  const values = new Float64Array(Math.ceil(data.length / step));
  let count = 0;
  for (let i = 0; i < data.length; i += step) if (Number.isFinite(data[i])) values[count++] = data[i]!;
  return values.subarray(0, count).sort();
}

/** The value below which a share of a rising sample lies. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))]!;
}

/** How many of a rising sample are below a value. */
export function countBelow(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Share of a rising sample from `low` up to, but without, `high`. */
export function shareBetween(sorted: Float64Array, low: number, high: number): number {
  return sorted.length === 0 ? 0 : (countBelow(sorted, high) - countBelow(sorted, low)) / sorted.length;
}
