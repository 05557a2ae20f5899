import type { Vec3 } from '../../geometry';
import { UserError } from '../../errors/userError';
import { composeAffine } from '../affine';
import { axisMap, sampleLinear, samplePicked, type Mode } from '../layout/sampling';
import { viewAffine, viewOf, viewShape, voxelsOf, type VoxelView } from '../layout/voxelView';
import type { Affine, Volume, VoxelArray } from '../types';

export interface ResizeOptions {
  readonly mode: Mode;
  /**
   * Where output voxels lie in the input (linear only). True, as VoCo resizes: corner voxels on corner voxels, i·(in−1)/(out−1), and an axis
   * of one voxel takes index 0. False: voxel edges on voxel edges, (i+0.5)·in/out−0.5.
   */
  readonly alignCorners?: boolean;
}

/** Input coordinates of the voxels of a resized axis, as torch's `interpolate`. */
export function resizeCoordinates(from: number, to: number, alignCorners: boolean): Float64Array {
  return Float64Array.from({ length: to }, (_, i) => {
    if (!alignCorners) return ((i + 0.5) * from) / to - 0.5;
    return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
  });
}

/** The affine after a resize that maps the outer edges of the volume on each other, as MONAI's `scale_affine`. */
function resizedAffine(affine: Affine, from: Vec3, to: Vec3): Affine {
  const scale = new Float64Array(16);
  scale[15] = 1;
  for (let k = 0; k < 3; k++) {
    const factor = from[k]! / to[k]!;
    scale[k * 5] = factor;
    scale[k * 4 + 3] = (factor - 1) / 2;
  }
  return composeAffine(affine, scale);
}

/**
 * Resizes to `size` voxels: MONAI `Resize` (torch `interpolate`, no antialiasing): trilinear to float32, or nearest
 * (floor(i·in/out)), which keeps the type.
 *
 * @param options.alignCorners true by default: VoCo resizes volumes and crops so.
 * @returns the same volume when it has that size already.
 * @throws UserError when a size is not a positive integer or the volume is empty.
 */
export function resize<T extends VoxelArray>(
  volume: Volume<T>,
  size: Vec3,
  options: ResizeOptions,
): Volume<T | Float32Array> {
  const [channels, ...from] = volume.shape;
  if (options.mode === 'linear')
    return resizeView(viewOf(volume), size, options.alignCorners) as Volume<T | Float32Array>;
  checkSizes(from, size);
  if (size.every((value, k) => value === from[k])) return volume;
  const pick = (k: number) =>
    Int32Array.from({ length: size[k]! }, (_, i) => Math.min(Math.floor((i * from[k]!) / size[k]!), from[k]! - 1));
  const data = samplePicked(volume.data, volume.shape, [pick(0), pick(1), pick(2)]);
  return { data, shape: [channels, ...size], affine: resizedAffine(volume.affine, from, size) };
}

/** {@link resize} with interpolation, of a view: what the view cuts and scales is worked out for the voxels that are read. */
export function resizeView(view: VoxelView, size: Vec3, alignCorners = true): Volume {
  const [channels, ...from] = viewShape(view);
  checkSizes(from, size);
  if (size.every((value, k) => value === from[k])) return voxelsOf(view);
  const map = (k: 0 | 1 | 2) => axisMap(from[k], resizeCoordinates(from[k], size[k], alignCorners));
  const data = sampleLinear(view, [map(0), map(1), map(2)]);
  return { data, shape: [channels, ...size], affine: resizedAffine(viewAffine(view), from, size) };
}

function checkSizes(from: Vec3, size: Vec3): void {
  if (!size.every((value) => Number.isInteger(value) && value > 0)) {
    throw new UserError(`size ${JSON.stringify(size)} is not valid: give three positive whole numbers of voxels`);
  }
  if (from.includes(0)) throw new UserError('an empty volume cannot be resized');
}
