import { voxelCount, type Vec3 } from '../geometry';
import type { CropPicture, GreyImage } from '../protocol/crops';
import type { CropImage } from '../tasks';
import type { Volume } from '../volume';

/** Grey values of numbers between `low` and `high`. */
function toGrey(value: number, low: number, high: number): number {
  return high > low ? Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255))) : 0;
}

/** The numbers of a slice. */
export interface NumberSlice {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

/** A slice of the first channel across an axis, every `step`-th voxel; the lower of the two other axes runs along a row. */
export function sliceOf(
  volume: Pick<Volume, 'data' | 'shape'>,
  plane: 0 | 1 | 2,
  index: number,
  step = 1,
): NumberSlice {
  const size = volume.shape.slice(1) as [number, number, number];
  const strides = [size[1] * size[2], size[2], 1] as const;
  const [across, down] = plane === 0 ? ([1, 2] as const) : plane === 1 ? ([0, 2] as const) : ([0, 1] as const);
  const [width, height] = [Math.ceil(size[across] / step), Math.ceil(size[down] / step)];
  const values = new Float64Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    let at = index * strides[plane] + y * step * strides[down];
    for (let x = 0; x < width; x++, at += step * strides[across]) values[to++] = volume.data[at]!;
  }
  return { width, height, values };
}

/** A slice in grey: `low` is black and `high` white. */
export function inGrey({ width, height, values }: NumberSlice, [low, high]: readonly [number, number]): GreyImage {
  return { width, height, data: Uint8Array.from(values, (value) => toGrey(value, low, high)) };
}

/** {@link sliceOf} in grey. */
export function greySlice(
  volume: Pick<Volume, 'data' | 'shape'>,
  plane: 0 | 1 | 2,
  index: number,
  range: readonly [number, number],
): GreyImage {
  return inGrey(sliceOf(volume, plane, index), range);
}

/** The middle slices of the first channel of a crop `[x, y, z, C]` across z, y and x, in grey. */
export function middleSlices(crop: Float32Array, size: Vec3, range: readonly [number, number]): GreyImage[] {
  const channels = crop.length / voxelCount(size);
  const first = channels === 1 ? crop : crop.filter((_, at) => at % channels === 0);
  const shape = [1, ...size] as const;
  return ([2, 1, 0] as const).map((plane) =>
    greySlice({ data: first, shape }, plane, Math.floor(size[plane] / 2), range),
  );
}

const floats = (voxels: ArrayLike<number>): Float32Array =>
  voxels instanceof Float32Array ? voxels : Float32Array.from(voxels);

/**
 * An image of a crop as people see it.
 *
 * @param range intensities that are black and white
 */
export function cropPicture(image: CropImage, size: Vec3, range: readonly [number, number]): CropPicture {
  const { name, voxels, classes, hidden, asked } = image;
  const mask = (marked: Uint8Array): GreyImage[] => middleSlices(floats(marked), size, [0, 1]);
  return {
    name,
    images: middleSlices(floats(voxels), size, classes === undefined ? range : [0, classes - 1]),
    ...(classes !== undefined && { classes }),
    ...(hidden && { hidden: mask(hidden) }),
    ...(asked && { asked: mask(asked) }),
  };
}
