import { mapAxes, voxelCount, type Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';

/** Cubes of voxels on a regular grid in a crop, some of them hidden. */
export interface BlockMask {
  /** Blocks along each axis. */
  readonly grid: Vec3;
  /** Edge of a block, voxels. */
  readonly block: number;
  /** `[…grid]`: 1 for hidden blocks. */
  readonly hidden: Uint8Array;
}

/**
 * Hides ⌊ratio · N⌋ of the N blocks of a crop, at least one and not all (MAE, nnssl's `BaseMAETrainer`).
 *
 * @param size of the crop, multiples of `block`
 */
export function drawBlockMask(random: RandomStream, size: Vec3, block: number, ratio: number): BlockMask {
  const grid = mapAxes((axis) => Math.floor(size[axis] / block));
  const blocks = voxelCount(grid);
  const count = Math.max(1, Math.min(blocks - 1, Math.floor(ratio * blocks)));
  const hidden = new Uint8Array(blocks);
  for (const at of random.permutation(blocks).subarray(0, count)) hidden[at] = 1;
  return { grid, block, hidden };
}

/** A mask of blocks as one of voxels: `[…size]`, 1 for hidden voxels. */
export function voxelMask({ grid, block, hidden }: BlockMask): Uint8Array {
  const [nx, ny, nz] = grid;
  const [y, z] = [ny * block, nz * block];
  const out = new Uint8Array(nx * block * y * z);
  for (let i = 0; i < nx * block; i++)
    for (let j = 0; j < y; j++)
      for (let k = 0; k < nz; k++) {
        const from = (Math.floor(i / block) * ny + Math.floor(j / block)) * nz + k;
        if (hidden[from]) out.fill(1, (i * y + j) * z + k * block, (i * y + j) * z + (k + 1) * block);
      }
  return out;
}

/** The voxels with those that the mask hides replaced by `value`; `[…size, C]`. */
export function hideVoxels(voxels: Float32Array, mask: Uint8Array, value: number): Float32Array {
  const channels = voxels.length / mask.length;
  const out = voxels.slice();
  for (let i = 0; i < mask.length; i++) if (mask[i]) out.fill(value, i * channels, (i + 1) * channels);
  return out;
}
