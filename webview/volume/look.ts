import type { Vec3 } from '../../src/geometry';
import type { Look, VolumeHeader, VolumeState } from '../../src/protocol/volume';
import { canonicalIndex, fileIndex, nearestVoxel, toWorld } from './geometry';
import { middleOf } from './state';

/**
 * Where a command wants the crosshair, in millimetres; undefined when it says nothing of it.
 *
 * @param now where it is.
 */
export function placeOfLook(look: Look, header: Pick<VolumeHeader, 'grid' | 'storage'>, now: Vec3): Vec3 | undefined {
  const { grid, storage } = header;
  if (look.crosshair) return look.crosshair;
  if (!look.voxel && !look.slice) return undefined;
  const voxel = [...(look.voxel ?? fileIndex(storage, grid.size, nearestVoxel(grid, now)))];
  if (!look.voxel && look.slice) voxel[look.slice.axis] = look.slice.index;
  return toWorld(grid, canonicalIndex(storage, grid.size, voxel as unknown as Vec3));
}

/** What a command's wish changes of the page's state. */
export function changesOfLook(
  look: Look,
  header: Pick<VolumeHeader, 'grid' | 'storage'> | undefined,
  state: VolumeState,
): Partial<VolumeState> {
  const crosshair = header && placeOfLook(look, header, state.crosshair ?? middleOf(header.grid));
  return {
    ...(crosshair && { crosshair }),
    ...(look.label !== undefined && { onlyLabel: look.label ?? undefined }),
    ...(look.hiddenLabels && { hiddenLabels: [...look.hiddenLabels] }),
  };
}
