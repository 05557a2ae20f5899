import type { Slice } from '../../src/protocol/volume';

export interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** `#rrggbb` as numbers. */
export function parseColour(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * Grey values of a slice within a window. Values below the window are black, above white, and what is not a number is black.
 *
 * @param out RGBA, `width · height · 4` bytes, in the slice's own order.
 */
export function paintGrey(
  slice: Slice,
  scaling: Scaling,
  window: readonly [number, number],
  out: Uint8ClampedArray,
): void {
  const { data } = slice;
  const gain = 255 / (window[1] - window[0] || 1);
  const slope = scaling.slope * gain;
  const offset = (scaling.intercept - window[0]) * gain;
  const pixels = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  for (let i = 0; i < pixels.length; i++) {
    const level = data[i]! * slope + offset;
    // NaN fails both comparisons.
    const grey = level >= 255 ? 255 : level > 0 ? level | 0 : 0;
    pixels[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
}

export interface LabelPaint {
  /** Colour of each label that is to be seen; others are transparent. */
  readonly colours: ReadonlyMap<number, Colour>;
  /** 0 to 1. */
  readonly opacity: number;
  /** Only the border of each region. */
  readonly outline: boolean;
}

/** Labels in their colours, 0 and hidden ones transparent; `out` as in {@link paintGrey}. */
export function paintLabels(slice: Slice, scaling: Scaling, paint: LabelPaint, out: Uint8ClampedArray): void {
  const { data, width, height } = slice;
  const { slope, intercept } = scaling;
  const pixels = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  const alpha = Math.round(255 * (paint.outline ? 1 : paint.opacity)) << 24;
  const packed = new Map<number, number>();
  for (const [value, [r, g, b]] of paint.colours) {
    if (value !== 0) packed.set((value - intercept) / slope, alpha | (b << 16) | (g << 8) | r);
  }
  let last = Number.NaN;
  let colour = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = data[i]!;
      if (value !== last) {
        last = value;
        colour = packed.get(value) ?? 0;
      }
      const inner =
        paint.outline &&
        x > 0 &&
        y > 0 &&
        x < width - 1 &&
        y < height - 1 &&
        data[i - 1] === value &&
        data[i + 1] === value &&
        data[i - width] === value &&
        data[i + width] === value;
      pixels[i] = inner ? 0 : colour;
    }
  }
}

/** A second image on top of the first: a hot colour map within its window, transparent at and below the low end. */
export function paintHeat(
  slice: Slice,
  scaling: Scaling,
  window: readonly [number, number],
  opacity: number,
  out: Uint8ClampedArray,
): void {
  const { data } = slice;
  const gain = 1 / (window[1] - window[0] || 1);
  for (let i = 0, to = 0; i < data.length; i++, to += 4) {
    const level = (data[i]! * scaling.slope + scaling.intercept - window[0]) * gain;
    out[to] = 255 * Math.min(1, 3 * level);
    out[to + 1] = 255 * Math.min(1, Math.max(0, 3 * level - 1));
    out[to + 2] = 255 * Math.min(1, Math.max(0, 3 * level - 2));
    out[to + 3] = level > 0 ? 255 * opacity : 0;
  }
}

/** From low to high: rises in lightness, told apart by the colour-blind and in grey. */
const SCALE = ['#2a2f8f', '#7b2fa8', '#c43c8a', '#ef6d58', '#fba73f', '#f7f06a'].map(parseColour);

/** The colour of a level from 0 to 1 on a scale from dark blue over red to yellow. */
export function scaleColour(level: number): Colour {
  const at = Math.max(0, Math.min(1, level)) * (SCALE.length - 1);
  const low = Math.min(Math.floor(at), SCALE.length - 2);
  const [a, b] = [SCALE[low]!, SCALE[low + 1]!];
  return [0, 1, 2].map((i) => Math.round(a[i]! + (at - low) * (b[i]! - a[i]!))) as unknown as Colour;
}

/** Values within a window in the colours of {@link scaleColour}; what is not a number is transparent. */
export function paintScale(
  slice: Slice,
  scaling: Scaling,
  window: readonly [number, number],
  opacity: number,
  out: Uint8ClampedArray,
): void {
  const { data } = slice;
  const gain = 1 / (window[1] - window[0] || 1);
  for (let i = 0, to = 0; i < data.length; i++, to += 4) {
    const level = (data[i]! * scaling.slope + scaling.intercept - window[0]) * gain;
    if (!Number.isNaN(level)) out.set(scaleColour(level), to);
    out[to + 3] = Number.isNaN(level) ? 0 : 255 * opacity;
  }
}

/** Colours of an error map, told apart by the colour-blind too. */
export const ERROR_COLOURS = { missed: '#3b9dff', extra: '#ff8c1a', confused: '#f03ce6' } as const;

export interface ErrorPaint {
  readonly truth: Slice;
  readonly truthScaling: Scaling;
  /** Labels that are compared; all others count as background. */
  readonly visible: (label: number) => boolean;
  readonly opacity: number;
}

/**
 * Where a prediction differs from the truth: missed (a label is there and not predicted), extra (predicted and not there), confused
 * (another label predicted). Both slices lie on the same grid.
 */
export function paintErrors(slice: Slice, scaling: Scaling, paint: ErrorPaint, out: Uint8ClampedArray): void {
  const pixels = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  const alpha = Math.round(255 * paint.opacity) << 24;
  const packed = (colour: string): number => {
    const [r, g, b] = parseColour(colour);
    return (alpha | (b << 16) | (g << 8) | r) >>> 0;
  };
  const [missed, extra, confused] = [ERROR_COLOURS.missed, ERROR_COLOURS.extra, ERROR_COLOURS.confused].map(packed);
  const known = new Map<number, number>();
  const labelOf = (value: number): number => {
    let label = known.get(value);
    if (label === undefined) known.set(value, (label = value > 0 && paint.visible(value) ? value : 0));
    return label;
  };
  const { truth, truthScaling } = paint;
  for (let i = 0; i < pixels.length; i++) {
    const predicted = labelOf(slice.data[i]! * scaling.slope + scaling.intercept);
    const right = labelOf(truth.data[i]! * truthScaling.slope + truthScaling.intercept);
    pixels[i] = predicted === right ? 0 : predicted === 0 ? missed! : right === 0 ? extra! : confused!;
  }
}

/** The value at a pixel of a slice. */
export function voxelAt(slice: Slice, scaling: Scaling, x: number, y: number): number {
  return slice.data[y * slice.width + x]! * scaling.slope + scaling.intercept;
}
