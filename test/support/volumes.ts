import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Affine, Volume, VoxelArray } from '../../src/volume';

export interface VolumeSummary {
  shape: number[];
  mean: number;
  std: number;
  min: number;
  max: number;
  l2: number;
  idx: number[];
  values: number[];
  sha256_float32_le?: string;
}

export type Rows = number[][];
export const affineOf = (rows: Rows): Affine => Float64Array.from(rows.flat());

export function float32Hash(data: VoxelArray): string {
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}

/** Checks samples, extremes and moments within `tolerance` (absolute), and the hash where the fixture has one. */
export function expectSummary(volume: Volume, expected: VolumeSummary, tolerance: number): void {
  const { data } = volume;
  expect([...volume.shape]).toEqual(expected.shape);
  if (expected.sha256_float32_le !== undefined && tolerance === 0) {
    expect(float32Hash(data)).toBe(expected.sha256_float32_le);
  }
  let worst = 0;
  expected.idx.forEach((at, i) => (worst = Math.max(worst, Math.abs(data[at]! - expected.values[i]!))));
  let [sum, squares, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    sum += value;
    squares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const mean = sum / data.length;
  // The fixtures print 9 to 12 digits.
  const scale = Math.max(Math.abs(expected.max), Math.abs(expected.min));
  const allowed = tolerance + 1e-8 * scale;
  expect(worst).toBeLessThanOrEqual(allowed);
  expect(Math.abs(min - expected.min)).toBeLessThanOrEqual(allowed);
  expect(Math.abs(max - expected.max)).toBeLessThanOrEqual(allowed);
  expect(Math.abs(mean - expected.mean)).toBeLessThanOrEqual(allowed);
  expect(Math.abs(Math.sqrt(squares / data.length - mean * mean) - expected.std)).toBeLessThanOrEqual(allowed);
}

export function expectAffine(affine: Affine, rows: Rows, tolerance = 1e-6): void {
  const expected = rows.flat();
  expect(Math.max(...Array.from(affine, (value, i) => Math.abs(value - expected[i]!)))).toBeLessThanOrEqual(tolerance);
}
