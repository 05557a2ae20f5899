import { voxelCount, type Vec3 } from '../../geometry';
import * as tf from '../../tensor/tf';

/** Wavelengths of the rotary angles fall from 1 to this, as in RoFormer. */
const TEMPERATURE = 10_000;

/**
 * Rotary angles of all tokens of a grid: for each axis, x first, depth / 6 bands of the token's index on it (timm's
 * RotaryEmbeddingCat).
 *
 * @param depth channels of a head, a multiple of 6
 * @returns `[tokens, depth]`: of each token, the sines of its depth / 2 angles, then the cosines
 */
export function rotaryTable(grid: Vec3, depth: number): Float32Array {
  const bands = depth / 6;
  const pairs = depth / 2;
  const table = new Float32Array(voxelCount(grid) * depth);
  let row = 0;
  for (let x = 0; x < grid[0]; x++)
    for (let y = 0; y < grid[1]; y++)
      for (let z = 0; z < grid[2]; z++, row++)
        [x, y, z].forEach((index, axis) => {
          for (let band = 0; band < bands; band++) {
            const angle = index / TEMPERATURE ** (band / bands);
            table[row * depth + axis * bands + band] = Math.sin(angle);
            table[row * depth + pairs + axis * bands + band] = Math.cos(angle);
          }
        });
  return table;
}

/** The table as the attention takes it: of all tokens `[1, tokens, depth]`, or of some rows of a batch. */
export class Rotary {
  private readonly table: Float32Array;

  constructor(
    grid: Vec3,
    private readonly depth: number,
  ) {
    this.table = rotaryTable(grid, depth);
  }

  all(): tf.Tensor3D {
    return tf.tensor3d(this.table, [1, this.table.length / this.depth, this.depth]);
  }

  /** @param rows of `[batch · tokens]`, as many of each crop. @returns `[batch, taken, depth]` */
  of({
    batch,
    taken,
    tokens,
    source,
  }: {
    batch: number;
    taken: number;
    tokens: number;
    source: Int32Array;
  }): tf.Tensor3D {
    const { table, depth } = this;
    const out = new Float32Array(batch * taken * depth);
    source.forEach((row, i) => {
      const from = (row % tokens) * depth;
      out.set(table.subarray(from, from + depth), i * depth);
    });
    return tf.tensor3d(out, [batch, taken, depth]);
  }
}
