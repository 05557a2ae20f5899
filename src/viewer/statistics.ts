import type { Histogram, Voxels } from '../protocol/volume';
import { wholeLabel, finiteRange, isHounsfield, percentile, shareBetween, sortedSample } from '../volume';

const BINS = 128;
/** A map of more classes than this is taken for an image. */
const MOST_LABELS = 160;
const HIGHEST_LABEL = 4096;

export interface ValueSummary {
  /** Of a sample, for a first look. */
  readonly range: readonly [number, number];
  readonly window: readonly [number, number];
  /** A CT in Hounsfield units, which its window shows. */
  readonly hounsfield: boolean;
  readonly histogram: Histogram;
}

/** The window that a CT is first shown in: VoCo's. */
export const CT_WINDOW = [-175, 250] as const;
/** Share of voxels above a window, and least share inside of it, from which on it shows nothing. */
const WHITE = 0.5;
const INSIDE = 0.02;

/** Whether a window would leave most voxels white, or hardly one grey. */
function saturates(sorted: Float64Array, [low, high]: readonly [number, number]): boolean {
  return shareBetween(sorted, high, Infinity) > WHITE || shareBetween(sorted, low, high) < INSIDE;
}

function histogramOf(sorted: Float64Array, scale: (stored: number) => number): Histogram {
  const [low, high] = [scale(percentile(sorted, 0.0005)), scale(percentile(sorted, 0.9995))];
  const counts = new Array<number>(BINS).fill(0);
  const width = high - low || 1;
  for (const stored of sorted) {
    const bin = Math.floor(((scale(stored) - low) / width) * BINS);
    if (bin >= 0 && bin < BINS) counts[bin]! += 1;
  }
  const most = Math.max(...counts, 1);
  return { low, high, bins: counts.map((count) => count / most) };
}

/**
 * Range, automatic window and histogram, from a sample of the voxels; undefined when none of them is a number.
 *
 * @param description what the header says of the scan
 */
export function summarizeValues(
  data: Voxels,
  slope: number,
  intercept: number,
  description = '',
): ValueSummary | undefined {
  let stored = sortedSample(data);
  // A sample of one value, or of none, says little about the rest.
  if (stored[0] === stored.at(-1)) {
    const [low, high] = finiteRange(data);
    if (low > high) return undefined;
    const most = stored[0] ?? low;
    stored = new Float64Array(Math.max(2, stored.length)).fill(most);
    [stored[0], stored[stored.length - 1]] = [low, high];
  }
  const sorted = slope < 0 ? stored.reverse() : stored;
  const scale = (value: number): number => value * slope + intercept;
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  // The lowest value is mostly padding or air, and says nothing about the window.
  let start = 0;
  while (start < sorted.length - 1 && sorted[start] === first) start += 1;
  const body = sorted.subarray(start);
  const [low, high] = [scale(percentile(body, 0.02)), scale(percentile(body, 0.99))];
  const range = [scale(first), scale(last)] as const;
  const meant = sorted.map(scale);
  return {
    range,
    window: high > low ? [low, high] : range[1] > range[0] ? range : [range[0], range[0] + 1],
    hounsfield: isHounsfield(meant, description) && !saturates(meant, CT_WINDOW),
    histogram: histogramOf(sorted, scale),
  };
}

/** Whether the first look at some voxels lets them be labels: few numbers that are whole or near it, none below 0. */
function maybeLabels(data: Voxels, slope: number, intercept: number): boolean {
  const step = Math.max(1, Math.floor(data.length / 65_536)) | 1;
  const seen = new Set<number>();
  for (let i = 0; i < data.length; i += step) {
    const value = wholeLabel(data[i]! * slope + intercept);
    if (value === undefined || value < 0 || value > HIGHEST_LABEL) return false;
    if (seen.add(value).size > MOST_LABELS) return false;
  }
  return true;
}

/**
 * Counts the voxels of each label when the volume is a label map: few numbers from 0, whole or as near it as {@link wholeLabel} wants
 * (labels that were stored with a scaling). An image of few grey values counts
 * as one only when its numbers are also small, or when `expected` says that its name is that of a label file.
 */
export function labelCounts(
  data: Voxels,
  slope: number,
  intercept: number,
  expected: boolean,
): ReadonlyMap<number, number> | undefined {
  if (!maybeLabels(data, slope, intercept)) return undefined;
  const counts = new Float64Array(HIGHEST_LABEL + 1);
  let most = 0;
  for (let i = 0; i < data.length; i++) {
    const stored = data[i]! * slope + intercept;
    const value = wholeLabel(stored);
    if (value === undefined || value < 0 || value > HIGHEST_LABEL) return undefined;
    most = Math.max(most, stored);
    counts[value]! += 1;
  }
  const found = new Map<number, number>();
  counts.forEach((count, value) => count > 0 && found.set(value, count));
  const highest = Math.max(...found.keys());
  // Small numbers that are not 0 are those of an image.
  if (highest === 0 && most > 1e-3) return undefined;
  if (found.size > MOST_LABELS || (!expected && (found.size > 40 || highest > 255))) return undefined;
  return found.size > 1 || expected ? found : undefined;
}

/** The whole numbers of a label map, see {@link labelCounts}; the same array when they are stored so. */
export function wholeVoxels(data: Voxels, slope: number, intercept: number): Voxels {
  const plain = slope === 1 && intercept === 0;
  const integers = !(data instanceof Float32Array || data instanceof Float64Array);
  if (plain && (integers || data.every((value) => Number.isInteger(value)))) return data;
  return Uint16Array.from(data, (value) => wholeLabel(value * slope + intercept) ?? 0);
}
