import type { Vec3 } from '../../geometry';
import type { Augmentation } from '../augment';

/** Indices along one axis of the volume in the order in which the crop takes them. */
function axisIndices(start: number, size: number, reversed: boolean): Int32Array {
  const indices = Int32Array.from({ length: size }, (_, i) => start + i);
  return reversed ? indices.reverse() : indices;
}

/**
 * Cuts a box of label codes out of `[X, Y, Z]` with the flips and turns of {@link sampleCrop}, so that both stay aligned.
 *
 * @param shape of the volume
 * @param size of the box, which must lie inside the volume; x and y must be equal for quarter turns other than 2
 * @param out receives `[…size]` from `offset` on
 */
export function cropCodes(
  codes: Uint8Array,
  shape: Vec3,
  start: Vec3,
  size: Vec3,
  augmentation: Augmentation,
  out: Uint8Array,
  offset: number,
): void {
  const { flip, quarterTurns: k } = augmentation;
  const swapped = k % 2 === 1;
  if (swapped && size[0] !== size[1]) throw new Error('quarter turns need crops that are square in x and y');
  const x = axisIndices(start[0], size[0], flip[0] !== (k === 2 || k === 3));
  const y = axisIndices(start[1], size[1], flip[1] !== (k === 1 || k === 2));
  const z = axisIndices(start[2], size[2], flip[2]);
  let at = offset;
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++) {
      const row = (x[swapped ? j : i]! * shape[1] + y[swapped ? i : j]!) * shape[2];
      for (let m = 0; m < size[2]; m++) out[at++] = codes[row + z[m]!]!;
    }
}
