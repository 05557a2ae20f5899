import { axesOf } from '../../src/geometry';
import type { Vec3 } from '../../src/geometry';
import type { Plane } from '../../src/protocol/volume';
import { clamp, nearestVoxel, spacingOf, toIndex, toWorld } from './geometry';
import type { Pane } from './pane';
import { shortcut } from './shortcuts';
import type { PlanePoint, TileActions } from './tile';
import type { Controls } from './controls';

/** What mouse and keys do on a slice of a volume. */
export function tileActions(viewer: Controls, pane: Pane, plane: Plane): TileActions {
  const grid = pane.shown.header!.grid;
  const touch = (): void => viewer.touch(pane, plane);
  const index = (): number => nearestVoxel(grid, viewer.crosshairOn(grid))[plane];
  return {
    tool: () => viewer.state.tool,
    focus: touch,
    point: (place) => viewer.set({ crosshair: crosshairAt(viewer, pane, plane, place) }),
    hover: (place) => viewer.hover(pane, plane, place),
    scroll: (slices) => {
      touch();
      viewer.step(plane, slices);
    },
    scrollTo: (at) => {
      touch();
      viewer.step(plane, at - index());
    },
    window: (dx, dy) => {
      touch();
      viewer.changeWindow(-dy, dx);
    },
    pan: (dAcross, dUp) => {
      const [across, up] = axesOf(plane);
      const pan = [...viewer.state.pan];
      const spacing = spacingOf(grid);
      pan[across]! += dAcross * spacing[across]!;
      pan[up]! += dUp * spacing[up]!;
      viewer.set({ pan: pan as unknown as Vec3 });
    },
    zoom: (factor) => viewer.zoom(factor),
    measure: (line, done) => {
      const key = `${plane}/${index()}`;
      const known = (pane.measurements.get(key) ?? []).filter((one) => !one.open);
      const moved = Math.hypot(line.to[0] - line.from[0], line.to[1] - line.from[1]) > 0.5;
      pane.measurements.set(key, moved ? [...known, { ...line, open: !done }] : known);
      viewer.redraw();
    },
    key: (event) => {
      touch();
      return shortcut(viewer, plane, event);
    },
  };
}

/** The crosshair after a place of a slice was pointed at, in millimetres. */
function crosshairAt(viewer: Controls, pane: Pane, plane: Plane, place: PlanePoint): Vec3 {
  const { grid } = pane.shown.header!;
  const [across, up] = axesOf(plane);
  const now = viewer.crosshairOn(grid);
  const at = [...toIndex(grid, now)];
  at[plane] = nearestVoxel(grid, now)[plane];
  at[across] = clamp(Math.round(place[0]), 0, grid.size[across]! - 1);
  at[up] = clamp(Math.round(place[1]), 0, grid.size[up]! - 1);
  return toWorld(grid, at as unknown as Vec3);
}
