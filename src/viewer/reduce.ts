import { mapVec3, type Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import type { ReducedVolume, Voxels } from '../protocol/volume';
import { arrayLike, type CanonicalView } from './canonical';

/** The grid of blocks of `factor` voxels; the last block of an axis may be partly empty. */
function blockGrid(view: CanonicalView, factor: Vec3): ReducedVolume['grid'] {
  const { affine, size } = view.grid;
  const scaled = [...affine];
  for (let row = 0; row < 3; row++) {
    for (let axis = 0; axis < 3; axis++) {
      scaled[row * 4 + axis] = affine[row * 4 + axis]! * factor[axis]!;
      scaled[row * 4 + 3]! += (affine[row * 4 + axis]! * (factor[axis]! - 1)) / 2;
    }
  }
  return { affine: scaled, size: mapVec3(size, (n, axis) => Math.ceil(n / factor[axis]!)) };
}

/**
 * Makes a volume small: no axis longer than `limit`. x is fastest in the result.
 *
 * @param nearest keeps the middle voxel of each block (label maps) where otherwise the mean of the block is taken.
 */
export async function reduceVolume(
  voxels: Voxels,
  view: CanonicalView,
  channel: number,
  limit: number,
  nearest: boolean,
): Promise<ReducedVolume> {
  const { size } = view.grid;
  const factor = mapVec3(size, (n) => Math.ceil(n / limit));
  const grid = blockGrid(view, factor);
  const [nx, ny, nz] = grid.size;
  const data = arrayLike(voxels, nx * ny * nz);
  const integers = !(voxels instanceof Float32Array || voxels instanceof Float64Array);
  const base = channel * view.length + view.origin;
  const [sx, sy, sz] = view.strides;
  const rowSums = new Float64Array(nx);
  for (let z = 0, to = 0; z < nz; z++) {
    // Slices are not to wait for it.
    if (z % 8 === 7) await breathe();
    const [z0, z1] = [z * factor[2], Math.min(size[2], (z + 1) * factor[2])];
    for (let y = 0; y < ny; y++) {
      const [y0, y1] = [y * factor[1], Math.min(size[1], (y + 1) * factor[1])];
      if (nearest) {
        const row = base + ((y0 + y1 - 1) >> 1) * sy + ((z0 + z1 - 1) >> 1) * sz;
        for (let x = 0; x < nx; x++) {
          const middle = (x * factor[0] + Math.min(size[0], (x + 1) * factor[0]) - 1) >> 1;
          data[to++] = voxels[row + middle * sx]!;
        }
        continue;
      }
      rowSums.fill(0);
      for (let c = z0; c < z1; c++) {
        for (let b = y0; b < y1; b++) addRow(rowSums, voxels, base + b * sy + c * sz, sx, size[0], factor[0]);
      }
      const rows = (z1 - z0) * (y1 - y0);
      for (let x = 0; x < nx; x++) {
        const mean = rowSums[x]! / (rows * (Math.min(size[0], (x + 1) * factor[0]) - x * factor[0]));
        data[to++] = integers ? Math.round(mean) : mean;
      }
    }
  }
  return { grid, data };
}

function addRow(sums: Float64Array, voxels: Voxels, start: number, step: number, length: number, factor: number): void {
  let from = start;
  for (let x = 0, left = length; left > 0; x++, left -= factor) {
    let sum = 0;
    for (let n = Math.min(factor, left); n > 0; n--, from += step) sum += voxels[from]!;
    sums[x]! += sum;
  }
}
