import { voxelCount, type Vec3 } from '../geometry';
import { UserError } from '../errors/userError';
import { breathe } from '../rpc/breath';
import type { Volume } from '../volume';
import { importanceMap, windowPadding, windowsOf, type ImportanceMode } from './windows';
import { formatSize } from '../text';

export interface SlidingWindowOptions {
  /** Size of a window, voxels. */
  readonly roi: Vec3;
  /** Share of a window that the next one covers again, 0 ≤ overlap < 1. */
  readonly overlap: number;
  /** How the voxels of a window count where windows overlap. */
  readonly mode: ImportanceMode;
  /** Windows that go through the predictor at a time. */
  readonly batch: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Called before each group of windows; where it rejects, the prediction ends. */
  readonly giveWay?: () => Promise<void>;
}

/** Turns windows `[count, …roi, C]` into values `[count, …roi, channels]` (logits), channels last. */
export type WindowPredictor = (windows: Float32Array, count: number) => Promise<Float32Array>;

/** Receives plane x of the result, `[Y, Z, channels]`, in ascending order of x; the array is used again afterwards. */
export type PlaneConsumer = (plane: Float32Array, x: number) => void;

/** Blends windows into planes; only the planes that a later window may still touch are held. */
class Blender {
  private readonly planes: Float32Array[];
  private readonly weights: Float32Array[];
  private next = 0;

  constructor(
    private readonly size: Vec3,
    private readonly roi: Vec3,
    private readonly channels: number,
    private readonly importance: Float32Array,
    private readonly emit: (plane: Float32Array, x: number) => void,
  ) {
    const area = size[1] * size[2];
    this.planes = Array.from({ length: roi[0] }, () => new Float32Array(area * channels));
    this.weights = Array.from({ length: roi[0] }, () => new Float32Array(area));
  }

  /** Adds a window's values; windows come with ascending start[0]. */
  add(values: Float32Array, offset: number, start: Vec3): void {
    this.finish(start[0]);
    const { roi, channels, importance } = this;
    const nz = this.size[2];
    for (let x = 0; x < roi[0]; x++) {
      const slot = (start[0] + x) % roi[0];
      const [plane, weight] = [this.planes[slot]!, this.weights[slot]!];
      for (let y = 0; y < roi[1]; y++) {
        const row = (start[1] + y) * nz + start[2];
        const from = (x * roi[1] + y) * roi[2];
        let read = offset + from * channels;
        let write = row * channels;
        for (let z = 0; z < roi[2]; z++) {
          const w = importance[from + z]!;
          weight[row + z]! += w;
          for (let c = 0; c < channels; c++) plane[write++]! += w * values[read++]!;
        }
      }
    }
  }

  /** Hands out the planes before `end`, which no further window reaches. */
  finish(end: number): void {
    for (; this.next < end; this.next++) {
      const slot = this.next % this.roi[0];
      const [plane, weight] = [this.planes[slot]!, this.weights[slot]!];
      for (let i = 0, at = 0; i < weight.length; i++)
        for (let c = 0; c < this.channels; c++) plane[at++]! /= weight[i]!;
      this.emit(plane, this.next);
      plane.fill(0);
      weight.fill(0);
    }
  }
}

/** Copies a window out of `[C, X, Y, Z]` to channels last; what lies outside the volume (the padding) is 0. */
function readWindow(volume: Volume<Float32Array>, start: Vec3, roi: Vec3, out: Float32Array, offset: number): void {
  const [channels, nx, ny, nz] = volume.shape;
  const z0 = Math.max(0, -start[2]);
  const z1 = Math.min(roi[2], nz - start[2]);
  for (let x = 0; x < roi[0]; x++) {
    const sx = start[0] + x;
    if (sx < 0 || sx >= nx) continue;
    for (let y = 0; y < roi[1]; y++) {
      const sy = start[1] + y;
      if (sy < 0 || sy >= ny) continue;
      const to = offset + (x * roi[1] + y) * roi[2] * channels;
      for (let c = 0; c < channels; c++) {
        const from = ((c * nx + sx) * ny + sy) * nz + start[2];
        if (channels === 1) out.set(volume.data.subarray(from + z0, from + z1), to + z0);
        else for (let z = z0; z < z1; z++) out[to + z * channels + c] = volume.data[from + z]!;
      }
    }
  }
}

function checkOptions({ roi, overlap, batch }: SlidingWindowOptions): void {
  if (roi.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new UserError(`sliding window: size ${formatSize(roi)} must be whole numbers of at least 1`);
  }
  if (!(overlap >= 0 && overlap < 1))
    throw new UserError(`sliding window: overlap ${overlap} must be from 0 to below 1`);
  if (!Number.isInteger(batch) || batch < 1) throw new UserError(`sliding window: batch ${batch} must be at least 1`);
}

/**
 * Predicts a whole volume window by window and blends the overlaps: MONAI `sliding_window_inference` (same windows in the same
 * order, volumes smaller than a window padded with 0 on both sides). At most `roi[0]` planes of the result are in memory, so a
 * large volume with many classes needs no more than its consumer keeps.
 *
 * @param volume `[C, X, Y, Z]`
 * @param channels of the prediction
 * @param consume receives the X planes of the result, without the padding
 * @throws UserError for options that make no sense; the signal's reason when aborted
 */
export async function slidingWindow(
  volume: Volume<Float32Array>,
  channels: number,
  predict: WindowPredictor,
  options: SlidingWindowOptions,
  consume: PlaneConsumer,
): Promise<void> {
  checkOptions(options);
  const { roi, batch } = options;
  const size: Vec3 = [volume.shape[1], volume.shape[2], volume.shape[3]];
  const { before, padded } = windowPadding(size, roi);
  const windows = windowsOf(padded, roi, options.overlap);
  const inner = unpad(size, padded, before, channels, consume);
  const blender = new Blender(padded, roi, channels, importanceMap(roi, options.mode), inner);
  const voxels = voxelCount(roi);
  for (let first = 0; first < windows.length; first += batch) {
    await breathe(options.signal);
    await options.giveWay?.();
    const group = windows.slice(first, first + batch);
    const input = new Float32Array(group.length * voxels * volume.shape[0]);
    group.forEach((start, i) => {
      const at: Vec3 = [start[0] - before[0], start[1] - before[1], start[2] - before[2]];
      readWindow(volume, at, roi, input, i * voxels * volume.shape[0]);
    });
    const values = await predict(input, group.length);
    group.forEach((start, i) => blender.add(values, i * voxels * channels, start));
    options.onProgress?.(first + group.length, windows.length);
  }
  blender.finish(padded[0]);
}

/** Passes planes on without the padding. */
function unpad(size: Vec3, padded: Vec3, before: Vec3, channels: number, consume: PlaneConsumer): PlaneConsumer {
  if (size.every((n, axis) => n === padded[axis])) return consume;
  const plane = new Float32Array(size[1] * size[2] * channels);
  return (values, x) => {
    if (x < before[0] || x >= before[0] + size[0]) return;
    const row = size[2] * channels;
    for (let y = 0; y < size[1]; y++) {
      const from = ((y + before[1]) * padded[2] + before[2]) * channels;
      plane.set(values.subarray(from, from + row), y * row);
    }
    consume(plane, x - before[0]);
  };
}

/** Keeps the class with the largest value at each voxel of `[X, Y, Z]` (the first one of equals). */
export class ArgmaxLabels {
  readonly labels: Uint8Array;

  /** @throws RangeError for more than 256 classes. */
  constructor(
    size: Vec3,
    private readonly channels: number,
  ) {
    if (channels > 256) throw new RangeError(`${channels} classes do not fit into a byte`);
    this.labels = new Uint8Array(voxelCount(size));
  }

  readonly consume: PlaneConsumer = (plane, x) => {
    const { channels } = this;
    const area = plane.length / channels;
    for (let i = 0; i < area; i++) {
      let best = 0;
      for (let c = 1; c < channels; c++) if (plane[i * channels + c]! > plane[i * channels + best]!) best = c;
      this.labels[x * area + i] = best;
    }
  };
}

/** Keeps, for overlapping classes, which logits are above 0 (probability above one half): bit c for class c, at most 8. */
export class ThresholdMasks {
  readonly bits: Uint8Array;

  /** @throws RangeError for more than 8 classes. */
  constructor(
    size: Vec3,
    private readonly channels: number,
  ) {
    if (channels > 8) throw new RangeError(`${channels} overlapping classes do not fit into a byte`);
    this.bits = new Uint8Array(voxelCount(size));
  }

  readonly consume: PlaneConsumer = (plane, x) => {
    const { channels } = this;
    const area = plane.length / channels;
    for (let i = 0; i < area; i++) {
      let bits = 0;
      for (let c = 0; c < channels; c++) if (plane[i * channels + c]! > 0) bits |= 1 << c;
      this.bits[x * area + i] = bits;
    }
  };
}
