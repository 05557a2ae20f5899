import type { Volume, VoxelArray } from '../types';
import { shareBetween } from './sample';

/** Numbers of 16 bits. */
const TURN = 1 << 16;
const HALF = TURN / 2;
/** How far below 0 negative values of images reach. */
const DEEPEST = 5000;
const LEAST = 0.001;

/**
 * Whether negative values were stored as unsigned 16-bit numbers, so that −1024 became 64512: some values just below 65536, and
 * none in the middle.
 *
 * @param sorted a rising sample of the values
 */
export function isWrapped(sorted: Float64Array): boolean {
  if (sorted.length === 0 || sorted.at(-1)! >= TURN || sorted[0]! < 0) return false;
  // 65535 itself may be where a bright image was clipped.
  const negative = shareBetween(sorted, TURN - DEEPEST, TURN - 1);
  return negative >= LEAST && shareBetween(sorted, HALF / 2, TURN - DEEPEST) === 0;
}

/** Turns 64512 back to −1024: values from 32768 on get 65536 less. */
export function unwrap(volume: Volume): Volume {
  const { data } = volume;
  const turned = new (data instanceof Uint16Array ? Int16Array : Float32Array)(data.length);
  for (let i = 0; i < data.length; i++) turned[i] = unwrapped(data[i]!);
  return { ...volume, data: turned satisfies VoxelArray };
}

/** {@link unwrap} of one value. */
export function unwrapped(value: number): number {
  return value >= HALF && value < TURN ? value - TURN : value;
}
