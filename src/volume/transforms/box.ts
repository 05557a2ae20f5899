import type { Box } from '../../geometry';
import { cutView, cutVoxels, viewAffine, viewOf, viewShape } from '../layout/voxelView';
import type { Volume, VoxelArray } from '../types';

/** Cuts a box that may reach over the edges (what is outside is left out); the affine follows. */
export function cropBox<T extends VoxelArray>(volume: Volume<T>, box: Box): Volume<T> {
  const view = cutView(viewOf(volume), box);
  return { data: cutVoxels(volume, view.box), shape: viewShape(view), affine: viewAffine(view) };
}
