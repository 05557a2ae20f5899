import type { Vec3 } from '../geometry';
import { atOnce, type InPieces } from '../rpc/breath';

const FAR = 1e20;

/** One line of the squared distance transform: lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012). */
class Line {
  private readonly f: Float64Array;
  private readonly at: Int32Array;
  private readonly bound: Float64Array;

  constructor(longest: number) {
    this.f = new Float64Array(longest);
    this.at = new Int32Array(longest);
    this.bound = new Float64Array(longest + 1);
  }

  /** Replaces `length` values of `d`, `stride` apart, by min over j of d[j] + (step · (i − j))². */
  transform(d: Float64Array, start: number, stride: number, length: number, step: number): void {
    const { f, at, bound } = this;
    const w = step * step;
    let top = -1;
    for (let i = 0; i < length; i++) {
      const value = (f[i] = d[start + i * stride]!);
      if (value >= FAR) continue;
      let cross = -Infinity;
      while (top >= 0) {
        const j = at[top]!;
        cross = (value - f[j]! + w * (i * i - j * j)) / (2 * w * (i - j));
        if (cross > bound[top]!) break;
        top--;
      }
      top++;
      at[top] = i;
      bound[top] = top === 0 ? -Infinity : cross;
    }
    if (top < 0) return;
    bound[top + 1] = Infinity;
    for (let i = 0, k = 0; i < length; i++) {
      while (bound[k + 1]! < i) k++;
      const j = at[k]!;
      d[start + i * stride] = f[j]! + w * (i - j) * (i - j);
    }
  }
}

/**
 * Exact Euclidean distance, in the units of `spacing`, of every voxel to the nearest voxel of the mask (0 inside it):
 * scipy `distance_transform_edt(mask == 0, sampling=spacing)`. Infinite everywhere when the mask is empty.
 *
 * @param mask `[X, Y, Z]`, z fastest; non-zero is inside.
 */
export function distanceTo(mask: Uint8Array, size: Vec3, spacing: Vec3): Float64Array {
  return atOnce(distanceInPieces(mask, size, spacing));
}

/** {@link distanceTo}, a plane at a time: of a large volume it takes many seconds. */
export function* distanceInPieces(mask: Uint8Array, size: Vec3, spacing: Vec3): InPieces<Float64Array> {
  const [nx, ny, nz] = size;
  const d = Float64Array.from(mask, (value) => (value > 0 ? 0 : FAR));
  const line = new Line(Math.max(nx, ny, nz));
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) line.transform(d, (x * ny + y) * nz, 1, nz, spacing[2]);
    for (let z = 0; z < nz; z++) line.transform(d, x * ny * nz + z, nz, ny, spacing[1]);
    yield;
  }
  for (let y = 0; y < ny; y++) {
    for (let z = 0; z < nz; z++) line.transform(d, y * nz + z, ny * nz, nx, spacing[0]);
    yield;
  }
  for (let i = 0; i < d.length; i++) d[i] = d[i]! >= FAR ? Infinity : Math.sqrt(d[i]!);
  return d;
}
