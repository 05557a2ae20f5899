import { UserError } from '../../errors/userError';
import type { Scaling } from '../layout/scaling';
import { exactInFloat32, scaleView, viewOf, voxelsOf, type VoxelView } from '../layout/voxelView';
import type { Volume, VoxelArray } from '../types';

export interface IntensityWindow {
  readonly low: number;
  readonly high: number;
  /** Where `low` and `high` go. */
  readonly to: readonly [number, number];
  /** Clamp to `to`. */
  readonly clip: boolean;
  /** What stored values are multiplied by first; absent: 1. */
  readonly rescale?: number;
  /** What is added then; absent: 0. `low` and `high` are in the units that result. */
  readonly offset?: number;
}

/** The ends of the window in the units of the file. */
export function storedWindow({ low, high, rescale = 1, offset = 0 }: IntensityWindow): [low: number, high: number] {
  return [(low - offset) / rescale, (high - offset) / rescale];
}

/**
 * Maps [low, high] linearly to `to`: MONAI `ScaleIntensityRange`. Float32 whatever the input.
 *
 * @throws UserError when `high` is not above `low`.
 */
export function scaleIntensityRange(volume: Volume, window: IntensityWindow): Volume<Float32Array> {
  return voxelsOf(windowedView(viewOf(volume), window)) as Volume<Float32Array>;
}

/** {@link scaleIntensityRange} of a view that is not scaled. */
export function windowedView(view: VoxelView, window: IntensityWindow): VoxelView {
  const { low, high, to, clip } = window;
  if (!(high > low)) throw new UserError(`intensity window ${low} to ${high} is empty: "high" must be above "low"`);
  const [least, most] = storedWindow(window);
  const scaling: Scaling = {
    subtract: least,
    divide: most - least,
    multiply: to[1] - to[0],
    add: to[0],
    least: clip ? Math.min(to[0], to[1]) : -Infinity,
    most: clip ? Math.max(to[0], to[1]) : Infinity,
    keepZero: false,
  };
  return scaleView(
    view,
    Array.from({ length: view.source.shape[0] }, () => scaling),
  );
}

/**
 * Subtracts the mean and divides by the (population) standard deviation, each channel by itself: MONAI
 * `NormalizeIntensity(nonzero, channel_wise=True)`. With `nonzero`, statistics are of the voxels that are not 0, and only those change. A
 * constant channel is only shifted; a channel of zeros stays.
 */
export function normalizeIntensity(volume: Volume, options: { nonzero: boolean }): Volume<Float32Array> {
  return voxelsOf(normalizedView(viewOf(volume), options)) as Volume<Float32Array>;
}

/** {@link normalizeIntensity} of a view of a whole volume that is not scaled. */
export function normalizedView(view: VoxelView, { nonzero }: { nonzero: boolean }): VoxelView {
  return scaledByChannel(view, (values) => normalizing(values, nonzero));
}

/** A view of a whole volume that is not scaled, with a scaling for each channel that depends on its values. */
function scaledByChannel(view: VoxelView, scalingOf: (values: VoxelArray) => Scaling): VoxelView {
  const { source } = view;
  const floats = exactInFloat32(source) ? source : { ...source, data: Float32Array.from(source.data) };
  const length = floats.data.length / Math.max(source.shape[0], 1);
  const scalings = Array.from({ length: source.shape[0] }, (_, c) =>
    scalingOf(floats.data.subarray(c * length, (c + 1) * length)),
  );
  return scaleView({ ...view, source: floats }, scalings);
}

/** A window whose ends are percentiles of the values. */
export interface PercentileWindow {
  /** Percent, 0 to 100. */
  readonly low: number;
  readonly high: number;
  /** Percentiles of the voxels that are not 0, which stay 0. */
  readonly nonzero: boolean;
  /** Where the percentiles go. */
  readonly to: readonly [number, number];
  /** Clamp to `to`. */
  readonly clip: boolean;
}

/**
 * Maps percentiles of each channel linearly to `to`: MONAI `ScaleIntensityRangePercentiles`, and with `nonzero` of the voxels that are not
 * 0 alone. A channel of zeros stays.
 *
 * @throws UserError when `high` is not above `low`
 */
export function percentileView(view: VoxelView, settings: PercentileWindow): VoxelView {
  const { low, high, to, clip, nonzero } = settings;
  if (!(high > low)) throw new UserError(`percentiles ${low} to ${high} are no range: "high" must be above "low"`);
  return scaledByChannel(view, (values) => {
    const sorted = (
      nonzero ? Float32Array.from(values).filter((value) => value !== 0) : Float32Array.from(values)
    ).sort();
    const [least, most] = sorted.length > 0 ? [quantile(sorted, low / 100), quantile(sorted, high / 100)] : [0, 1];
    return {
      subtract: least,
      divide: most > least ? most - least : 1,
      multiply: to[1] - to[0],
      add: to[0],
      least: clip ? Math.min(to[0], to[1]) : -Infinity,
      most: clip ? Math.max(to[0], to[1]) : Infinity,
      keepZero: nonzero,
    };
  });
}

/** {@link percentileView} of a whole volume. */
export function scalePercentiles(volume: Volume, settings: PercentileWindow): Volume<Float32Array> {
  return voxelsOf(percentileView(viewOf(volume), settings)) as Volume<Float32Array>;
}

/** The value at a share of a rising list, between two neighbours linearly, as NumPy's `percentile`. */
function quantile(sorted: Float32Array, share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place - Math.floor(place));
}

function normalizing(values: VoxelArray, nonzero: boolean): Scaling {
  const scaling = { multiply: 1, add: 0, least: -Infinity, most: Infinity, keepZero: nonzero };
  let count = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    count += 1;
    sum += values[i]!;
  }
  if (count === 0) return { ...scaling, subtract: 0, divide: 1 };
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    squares += (values[i]! - mean) ** 2;
  }
  return { ...scaling, subtract: mean, divide: Math.sqrt(squares / count) || 1 };
}

/** Adds `offset` to every voxel, without clamping: MONAI `ShiftIntensity`. */
export function shiftIntensity(volume: Volume, offset: number): Volume<Float32Array> {
  return { ...volume, data: Float32Array.from(volume.data, (value) => value + offset) };
}

/** Multiplies every voxel by 1 + `factor`, without clamping: MONAI `ScaleIntensity(minv=None, maxv=None, factor)`. */
export function scaleIntensity(volume: Volume, factor: number): Volume<Float32Array> {
  return { ...volume, data: Float32Array.from(volume.data, (value) => value * (1 + factor)) };
}
