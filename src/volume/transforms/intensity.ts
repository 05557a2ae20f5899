import { UserError } from '../../errors/userError';
import type { Volume, VoxelArray } from '../types';

export interface IntensityWindow {
  readonly low: number;
  readonly high: number;
  /** Where `low` and `high` go. */
  readonly to: readonly [number, number];
  /** Clamp to `to`. */
  readonly clip: boolean;
}

/**
 * Maps [low, high] linearly to `to`: MONAI `ScaleIntensityRange`. Float32 whatever the input.
 *
 * @throws UserError when `high` is not above `low`.
 */
export function scaleIntensityRange(volume: Volume, window: IntensityWindow): Volume<Float32Array> {
  const { low, high } = window;
  if (!(high > low)) throw new UserError(`intensity window ${low} to ${high} is empty: "high" must be above "low"`);
  const { data } = volume;
  if (!(data instanceof Int16Array) || data.length < LEVELS) return { ...volume, data: scaleEach(data, window) };
  // Of the usual CT each of the 65 536 levels is scaled once, which gives the same numbers sooner.
  const table = scaleEach(
    Int16Array.from({ length: LEVELS }, (_, level) => level - LEVELS / 2),
    window,
  );
  const scaled = new Float32Array(data.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = table[data[i]! + LEVELS / 2]!;
  return { ...volume, data: scaled };
}

/** Values of an int16. */
const LEVELS = 1 << 16;

function scaleEach(source: VoxelArray, { low, high, to, clip }: IntensityWindow): Float32Array {
  const data = new Float32Array(source.length);
  const scale = to[1] - to[0];
  const width = high - low;
  const [least, most] = [Math.min(to[0], to[1]), Math.max(to[0], to[1])];
  for (let i = 0; i < data.length; i++) {
    const value = ((source[i]! - low) / width) * scale + to[0];
    data[i] = clip ? (value < least ? least : value > most ? most : value) : value;
  }
  return data;
}

/**
 * Subtracts the mean and divides by the (population) standard deviation, each channel by itself: MONAI
 * `NormalizeIntensity(nonzero, channel_wise=True)`. With `nonzero`, statistics are of the voxels that are not 0, and only those change. A
 * constant channel is only shifted; a channel of zeros stays.
 */
export function normalizeIntensity(volume: Volume, options: { nonzero: boolean }): Volume<Float32Array> {
  const channels = volume.shape[0];
  const data = Float32Array.from(volume.data);
  const length = data.length / Math.max(channels, 1);
  for (let c = 0; c < channels; c++) normalizeChannel(data.subarray(c * length, (c + 1) * length), options.nonzero);
  return { ...volume, data };
}

function normalizeChannel(values: Float32Array, nonzero: boolean): void {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    count += 1;
    sum += values[i]!;
  }
  if (count === 0) return;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    squares += (values[i]! - mean) ** 2;
  }
  const deviation = Math.sqrt(squares / count) || 1;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    values[i] = (values[i]! - mean) / deviation;
  }
}

/** Adds `offset` to every voxel, without clamping: MONAI `ShiftIntensity`. */
export function shiftIntensity(volume: Volume, offset: number): Volume<Float32Array> {
  return { ...volume, data: Float32Array.from(volume.data, (value) => value + offset) };
}

/** Multiplies every voxel by 1 + `factor`, without clamping: MONAI `ScaleIntensity(minv=None, maxv=None, factor)`. */
export function scaleIntensity(volume: Volume, factor: number): Volume<Float32Array> {
  return { ...volume, data: Float32Array.from(volume.data, (value) => value * (1 + factor)) };
}
