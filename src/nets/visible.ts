import { mapAxes, type Vec3 } from '../geometry';
import { groupNorm } from '../tensor/ops';
import * as tf from '../tensor/tf';

/** Which voxels of some crops a network may see: whole blocks of a grid, at any resolution up to that grid. */
export class VisibleVoxels {
  /**
   * @param hidden `[N, …size]`: 1 for hidden voxels
   * @param block edge of the blocks, voxels
   */
  constructor(
    private readonly hidden: Uint8Array,
    private readonly count: number,
    private readonly size: Vec3,
    private readonly block: number,
  ) {}

  /**
   * `[N, X, Y, Z, 1]`: 1 for visible voxels, at a resolution of `size / stride`; undefined where a voxel there is larger than a block,
   * so that all are seen (SparK: stages coarser than the mask's grid are dense).
   */
  at(stride: Vec3): tf.Tensor5D | undefined {
    const marks = this.marks(stride);
    const [nx, ny, nz] = mapAxes((axis) => this.size[axis] / stride[axis]);
    return marks && tf.tensor5d(marks, [this.count, nx, ny, nz, 1]);
  }

  /** The same numbers as an array, and undefined in the same case. */
  marks(stride: Vec3): Float32Array | undefined {
    if (stride.some((step) => step > this.block || this.block % step !== 0)) return undefined;
    const [x, y, z] = this.size;
    const [nx, ny, nz] = [x / stride[0], y / stride[1], z / stride[2]];
    const out = new Float32Array(this.count * nx * ny * nz);
    let to = 0;
    for (let n = 0; n < this.count; n++)
      for (let i = 0; i < nx; i++)
        for (let j = 0; j < ny; j++) {
          const line = ((n * x + i * stride[0]) * y + j * stride[1]) * z;
          for (let k = 0; k < nz; k++) out[to++] = 1 - this.hidden[line + k * stride[2]]!;
        }
    return out;
  }
}

/**
 * Instance norm over the visible voxels of each crop and channel, 0 elsewhere (SparK's `SparseInstanceNorm`), without affine
 * parameters, then leaky ReLU.
 *
 * @param x `[N, X, Y, Z, C]`; @param visible `[N, X, Y, Z, 1]`
 * @param slope of the leaky ReLU; 1: none
 */
export const visibleNorm = (x: tf.Tensor5D, visible: tf.Tensor5D, slope = 1): tf.Tensor5D =>
  groupNorm(x, { groups: x.shape[4], visible, slope });
