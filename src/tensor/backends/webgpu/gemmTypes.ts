import type { TensorInfo } from '@tensorflow/tfjs-core';
import { TILE_K } from './arithmetic';

/**
 * One operand. `along` is the axis of the product along which four neighbours are loaded at once; `four` and `one` are the
 * WGSL expression of four, or of a single element, at (m, k) or (k, n) within bounds, on the buffer `A` or `B`. `four` is
 * given where the four lie together in an aligned vec4.
 */
export interface Operand {
  along: 'm' | 'n' | 'k';
  four?: string;
  one: string;
}

/** out[m, n] = Σₖ a(m, k) · b(k, n) (+ bias[n]). */
export interface Gemm {
  key: string;
  m: number;
  n: number;
  k: number;
  a: Operand;
  b: Operand;
  /** WGSL functions that the operands call. */
  functions?: string;
  /** Number of products in one dispatch; `phase` is the variable that tells them apart. */
  phases?: number;
  /** WGSL expression of the row of the output for (phase, m), or −1 for none. */
  row?: string;
  outShape: number[];
  bias?: TensorInfo;
}

/** The part of a product that a workgroup computes; its depth at a time is {@link TILE_K}. */
export interface Tile {
  m: number;
  n: number;
}

/** Tiles of A, rows along k, and of B, rows along n, in workgroup memory: vectors of four from row to row. */
export interface TileMemory extends Tile {
  threads: number;
  strideA: number;
  strideB: number;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Where a product's sum is cut: parts of it, and the depth of one. */
export const depthOfSplit = (gemm: Gemm, splits: number): number => Math.ceil(gemm.k / splits / TILE_K) * TILE_K;

/** The width of tiles, of those given, that wastes least of the columns. */
export function bestWidth(n: number, widths: readonly number[]): number {
  const cost = (tile: number): number => Math.ceil(n / tile) * (tile + 8);
  return widths.reduce((best, tile) => (cost(tile) < cost(best) ? tile : best));
}
