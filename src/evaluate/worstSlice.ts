import type { Vec3 } from '../geometry';
import { classMask, type LabelCodes } from '../data/labelled';
import type { WorstSlice } from '../runs';
import { applyAffine, type Affine } from '../volume';

/** The voxel axis that runs most along the body's long axis. */
function longAxis(affine: Affine): 0 | 1 | 2 {
  const z = [Math.abs(affine[8]!), Math.abs(affine[9]!), Math.abs(affine[10]!)];
  return z.indexOf(Math.max(...z)) as 0 | 1 | 2;
}

/**
 * The axial slice in which most voxels of a class are wrong (missed, or predicted where the class is not).
 *
 * @param index of the class, from 0
 * @param grid voxels of both maps `[X, Y, Z]`, and where they lie
 * @returns undefined when every voxel is right
 */
export function worstSlice(
  prediction: Uint8Array,
  truth: Uint8Array,
  index: number,
  codes: LabelCodes,
  { size, affine }: { size: Vec3; affine: Affine },
): WorstSlice | undefined {
  const [predicted, wanted] = [classMask(prediction, index, codes), classMask(truth, index, codes)];
  const [, ny, nz] = size;
  const axis = longAxis(affine);
  const counts = new Uint32Array(size[axis]);
  const sums = Array.from({ length: size[axis] }, () => [0, 0, 0]);
  for (let i = 0; i < wanted.length; i++) {
    if (predicted[i] === wanted[i]) continue;
    const voxel = [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz];
    const slice = voxel[axis]!;
    counts[slice]!++;
    voxel.forEach((value, k) => (sums[slice]![k]! += value));
  }
  const voxels = counts.reduce((most, count) => Math.max(most, count), 0);
  if (voxels === 0) return undefined;
  const middle = sums[counts.indexOf(voxels)]!.map((sum) => sum / voxels) as [number, number, number];
  return { position: applyAffine(affine, middle), voxels };
}
