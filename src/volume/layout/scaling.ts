import type { VoxelArray } from '../types';

/** A linear change of intensity to float32: ((v − subtract) / divide) · multiply + add, kept between `least` and `most`. */
export interface Scaling {
  readonly subtract: number;
  readonly divide: number;
  readonly multiply: number;
  readonly add: number;
  readonly least: number;
  readonly most: number;
  /** Voxels that are 0 stay so. */
  readonly keepZero: boolean;
}

/** Numbers that an int16 can be. */
const LEVELS = 1 << 16;

/** What a scaling makes of each int16, from −32768 on: looking them up is faster than working them out. */
export type Levels = Float32Array;

/** For voxels that are many int16, as those of the usual CT. */
export function levelsOf(data: VoxelArray, scaling: Scaling): Levels | undefined {
  if (!(data instanceof Int16Array) || data.length < LEVELS) return undefined;
  const levels = Float32Array.from({ length: LEVELS }, (_, level) => level - LEVELS / 2);
  scaleAll(levels, levels, scaling);
  return levels;
}

/** Looks up chosen voxels of rows that lie `stride` apart from `from` on: out[i · zs.length + k] is that of voxel (ys[i], zs[k]). */
export function lookUp(
  data: Int16Array,
  levels: Levels,
  { from, stride }: { readonly from: number; readonly stride: number },
  ys: Int32Array,
  zs: Int32Array,
  out: Float32Array | Float64Array,
): void {
  for (let i = 0, at = 0; i < ys.length; i++) {
    const row = from + ys[i]! * stride;
    for (let k = 0; k < zs.length; k++) out[at++] = levels[data[row + zs[k]!]! + LEVELS / 2]!;
  }
}

/** Scales every number of an array, to another one or in place. */
export function scaleAll(values: Float32Array | Float64Array, out: Float32Array, scaling: Scaling): void {
  const { subtract, divide, multiply, add, least, most, keepZero } = scaling;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const scaled = ((value - subtract) / divide) * multiply + add;
    const clamped = scaled < least ? least : scaled > most ? most : scaled;
    out[i] = keepZero && value === 0 ? value : clamped;
  }
}

/** What becomes of one number. */
export function scaleOne(value: number, scaling: Scaling): number {
  const out = new Float32Array(1);
  scaleAll(Float64Array.of(value), out, scaling);
  return out[0]!;
}

/**
 * The number up to which a scaling gives nothing above a threshold: v is above it exactly when the scaled v is above the threshold,
 * rounding included. Undefined for a scaling that does not keep the order of numbers.
 */
export function unscaledThreshold(scaling: Scaling, threshold: number): number | undefined {
  if (scaling.keepZero || !(scaling.divide > 0 && scaling.multiply > 0)) return undefined;
  const above = (value: number): boolean => scaleOne(value, scaling) > threshold;
  let [low, high] = [-1e38, 1e38];
  if (above(low)) return -Infinity;
  if (!above(high)) return Infinity;
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle === low || middle === high) return low;
    if (above(middle)) high = middle;
    else low = middle;
  }
}
