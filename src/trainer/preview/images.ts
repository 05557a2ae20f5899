import type { GreyImage, Triple } from '../../protocol/crops';
import type { Volume } from '../../volume';

/** Grey values of numbers between `low` and `high`. */
function toGrey(value: number, low: number, high: number): number {
  return high > low ? Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255))) : 0;
}

/** A slice of the first channel across an axis; the lower of the two other axes runs along a row. */
export function greySlice(
  volume: Pick<Volume, 'data' | 'shape'>,
  plane: 0 | 1 | 2,
  index: number,
  [low, high]: readonly [number, number],
): GreyImage {
  const size = volume.shape.slice(1) as [number, number, number];
  const strides = [size[1] * size[2], size[2], 1] as const;
  const [across, down] = plane === 0 ? [1, 2] : plane === 1 ? [0, 2] : [0, 1];
  const [width, height] = [size[across!]!, size[down!]!];
  const data = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = index * strides[plane] + x * strides[across!]! + y * strides[down!]!;
      data[to++] = toGrey(volume.data[at]!, low, high);
    }
  }
  return { width, height, data };
}

/** A picture of at most `most` pixels a side: every n-th pixel. */
export function thumbnail(image: GreyImage, most: number): GreyImage {
  const step = Math.max(1, Math.ceil(Math.max(image.width, image.height) / most));
  const [width, height] = [Math.ceil(image.width / step), Math.ceil(image.height / step)];
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = image.data[y * step * image.width + x * step]!;
  }
  return { width, height, data };
}

/** The middle slices of a crop `[x, y, z, C]` across z, y and x; intensities 0 to 1 are black to white. */
export function middleSlices(crop: Float32Array, size: Triple, channels: number): GreyImage[] {
  const first = channels === 1 ? crop : crop.filter((_, at) => at % channels === 0);
  const shape = [1, ...size] as const;
  return ([2, 1, 0] as const).map((plane) =>
    greySlice({ data: first, shape }, plane, Math.floor(size[plane] / 2), [0, 1]),
  );
}
