import { axesOf } from '../../src/geometry';
import type { Vec3 } from '../../src/geometry';
import type { Plane, VolumeState } from '../../src/protocol/volume';
import { fileIndex, nearestVoxel, toWorld } from './geometry';
import type { Pane } from './pane';
import { middleOf } from './state';
import type { PlanePoint } from './tile';

/** Where the pointer is. */
export interface Hovered {
  readonly pane: Pane;
  readonly plane: Plane;
  readonly place: PlanePoint;
}

/** Millimetres under the pointer, else at the crosshair of a volume; undefined where the pointer is outside of it. */
export function placeRead({ crosshair }: VolumeState, hovered: Hovered | undefined, current: Pane | undefined) {
  const grid = (hovered?.pane ?? current)?.shown.header?.grid;
  if (!grid) return undefined;
  const world = crosshair ?? middleOf(grid);
  if (!hovered) return world;
  const at = [...nearestVoxel(grid, world)];
  const [across, up] = axesOf(hovered.plane);
  [at[across], at[up]] = [Math.round(hovered.place[0]), Math.round(hovered.place[1])];
  if (at.some((value, axis) => value < 0 || value >= grid.size[axis]!)) return undefined;
  return toWorld(grid, at as unknown as Vec3);
}

/** The voxel and the values of each volume at a place, as their slices of a plane have them. */
export function valuesRead(panes: readonly Pane[], state: VolumeState, plane: Plane, world: Vec3) {
  return panes.flatMap((pane) => {
    const { header } = pane.shown;
    if (!header) return [];
    const at = nearestVoxel(header.grid, world);
    const [across, up] = axesOf(plane);
    const values = pane.valuesAt(state, plane, at[plane], [at[across]!, at[up]!]);
    return [{ pane, voxel: fileIndex(header.storage, header.grid.size, at), ...values }];
  });
}
