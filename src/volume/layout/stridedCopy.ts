import type { Vec3 } from '../../geometry';
import type { VoxelArray } from '../types';

/** Where a 3-D block lies in an array: element (a, b, c) is at `offset + a·strides[0] + b·strides[1] + c·strides[2]`. */
export interface BlockLayout {
  readonly offset: number;
  readonly strides: Vec3;
}

/** Voxels a side of a tile: a cache line of int16. */
const TILE = 32;
/** Neighbouring tiles that are copied together. */
const BLOCK = 8;

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
 * row by row where the rows run along memory, and tile by tile where they run across it, so that every cache line is read once
 * and written once.
 */
export function copyBlock<T extends VoxelArray>(
  source: T,
  layout: BlockLayout,
  shape: Vec3,
  target: T,
  targetOffset = 0,
): void {
  const [from, to] = [byWidth(source), byWidth(target)];
  const unit = layout.strides.findIndex((stride, axis) => Math.abs(stride) === 1 && (shape[axis]! > 1 || axis === 2));
  if (unit === 0 || unit === 1) copyAcross(from, layout, shape, to, targetOffset, unit);
  else copyAlong(from, layout, shape, to, targetOffset);
}

function copyAlong(from: VoxelArray, layout: BlockLayout, shape: Vec3, to: VoxelArray, targetOffset: number): void {
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

/**
 * For rows that run across memory. Within a tile every cache line is read once; the blocks of neighbouring tiles share pages, whose
 * look-up would otherwise take longer than the copy.
 */
function copyAcross(
  from: VoxelArray,
  layout: BlockLayout,
  shape: Vec3,
  to: VoxelArray,
  targetOffset: number,
  unit: 0 | 1,
): void {
  const other = unit === 0 ? 1 : 0;
  const [nu, nw, nc] = [shape[unit]!, shape[other]!, shape[2]];
  const outStrides = [shape[1] * shape[2], shape[2]];
  const [stepU, stepW, stepC] = [layout.strides[unit]!, layout.strides[other]!, layout.strides[2]];
  for (let w0 = 0; w0 < nw; w0 += BLOCK) {
    for (let u0 = 0; u0 < nu; u0 += TILE) {
      for (let c0 = 0; c0 < nc; c0 += TILE) {
        const [endW, endU] = [Math.min(w0 + BLOCK, nw), Math.min(u0 + TILE, nu)];
        const length = Math.min(TILE, nc - c0);
        for (let w = w0; w < endW; w++) {
          for (let u = u0; u < endU; u++) {
            let at = layout.offset + u * stepU + w * stepW + c0 * stepC;
            let out = targetOffset + u * outStrides[unit]! + w * outStrides[other]! + c0;
            for (let c = 0; c < length; c++, at += stepC) to[out++] = from[at]!;
          }
        }
      }
    }
  }
}
