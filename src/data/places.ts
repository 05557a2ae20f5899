/**
 * The n-th of the voxels of a kind, x slowest, from how many each x plane has: without a list of all, which would take four bytes a
 * voxel.
 *
 * @param counts voxels of the kind in each x plane
 * @param area voxels of a plane
 * @param n from 0, less than the sum of the counts
 * @param fits whether the voxel at a flat index is of the kind
 */
export function nthVoxel(counts: Uint32Array, area: number, n: number, fits: (index: number) => boolean): number {
  let [x, left] = [0, n];
  while (left >= counts[x]!) left -= counts[x++]!;
  for (let i = x * area; ; i++) if (fits(i) && left-- === 0) return i;
}
