import type { VoxelArray } from '../types';

type Triple = readonly [number, number, number];

/** Where a 3-D block lies in an array: element (a, b, c) is at `offset + a·strides[0] + b·strides[1] + c·strides[2]`. */
export interface BlockLayout {
  readonly offset: number;
  readonly strides: Triple;
}

const TILE = 32;

/** An array of the same kind (Float32Array for Float32Array, …) and another length. */
export function newArrayLike<T extends VoxelArray>(like: T, length: number): T {
  return new (like.constructor as new (length: number) => T)(length);
}

/** The same bytes as one of four kinds of array, so that the copy loops below stay specialised whatever the voxel type. */
function byWidth(array: VoxelArray): VoxelArray {
  const { buffer, byteOffset, length } = array;
  if (array.BYTES_PER_ELEMENT === 1) return new Uint8Array(buffer, byteOffset, length);
  if (array.BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, length);
  if (array.BYTES_PER_ELEMENT === 4) return new Int32Array(buffer, byteOffset, length);
  return new Float64Array(buffer, byteOffset, length);
}

/**
 * Copies a block that lies anyhow in `source` (permuted, mirrored, cropped) to C order in `target` from `targetOffset` on:
 * row by row where the rows run along memory, and through small tiles where they run across it, so that every cache line is
 * read once and written once.
 */
export function copyBlock<T extends VoxelArray>(
  source: T,
  layout: BlockLayout,
  shape: Triple,
  target: T,
  targetOffset = 0,
): void {
  const [from, to] = [byWidth(source), byWidth(target)];
  const unit = layout.strides.findIndex((stride, axis) => Math.abs(stride) === 1 && (shape[axis]! > 1 || axis === 2));
  if (unit === 0 || unit === 1) copyAcross(from, layout, shape, to, targetOffset, unit);
  else copyAlong(from, layout, shape, to, targetOffset);
}

function copyAlong(from: VoxelArray, layout: BlockLayout, shape: Triple, to: VoxelArray, targetOffset: number): void {
  const step = layout.strides[2];
  const length = shape[2];
  let out = targetOffset;
  for (let a = 0; a < shape[0]; a++) {
    for (let b = 0; b < shape[1]; b++) {
      let at = layout.offset + a * layout.strides[0] + b * layout.strides[1];
      if (step === 1 && length > 48) {
        to.set(from.subarray(at, at + length), out);
        out += length;
      } else {
        for (let c = 0; c < length; c++, at += step) to[out++] = from[at]!;
      }
    }
  }
}

function copyAcross(
  from: VoxelArray,
  layout: BlockLayout,
  shape: Triple,
  to: VoxelArray,
  targetOffset: number,
  unit: 0 | 1,
): void {
  const other = unit === 0 ? 1 : 0;
  const outStrides = [shape[1] * shape[2], shape[2]];
  const [stepU, stepC] = [layout.strides[unit]!, layout.strides[2]];
  const tile = newArrayLike(from, TILE * TILE);
  for (let w = 0; w < shape[other]!; w++) {
    const base = layout.offset + w * layout.strides[other]!;
    const outBase = targetOffset + w * outStrides[other]!;
    for (let u0 = 0; u0 < shape[unit]!; u0 += TILE) {
      const nu = Math.min(TILE, shape[unit]! - u0);
      for (let c0 = 0; c0 < shape[2]; c0 += TILE) {
        const nc = Math.min(TILE, shape[2] - c0);
        for (let c = 0; c < nc; c++) {
          let at = base + u0 * stepU + (c0 + c) * stepC;
          for (let u = 0; u < nu; u++, at += stepU) tile[u * TILE + c] = from[at]!;
        }
        for (let u = 0; u < nu; u++) {
          let out = outBase + (u0 + u) * outStrides[unit]! + c0;
          for (let c = 0; c < nc; c++) to[out++] = tile[u * TILE + c]!;
        }
      }
    }
  }
}
