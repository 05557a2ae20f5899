/** Places and sizes along the axes of a volume, x first. */
export type Triple = readonly [number, number, number];

/** A box of voxels. */
export interface Box {
  readonly start: Triple;
  readonly size: Triple;
}
