import type { Vec3 } from '../../src/geometry';
import type { Grid, Layout, OverlayWish, Plane, Tool, VolumeState } from '../../src/protocol/volume';
import type { Blinker } from './blink';
import type { Overlay, Pane } from './pane';
import type { PlanePoint } from './tile';

/** What the toolbar, the side bar, keys and the pointer may ask of the page. */
export interface Controls {
  readonly state: VolumeState;
  readonly panes: readonly Pane[];
  /** The volume that was touched last. */
  readonly current: Pane | undefined;
  readonly playing: boolean;
  readonly blinker: Blinker;

  set(change: Partial<VolumeState>): void;
  /** Shows everything anew in the next frame. */
  redraw(): void;
  resetView(): void;
  zoom(factor: number): void;
  /** Chooses the planes to see, and keeps the keyboard where it was. */
  setLayout(layout: Layout): void;
  setTool(tool: Tool): void;
  /** Moves the crosshair by whole voxels of the current volume along a canonical axis. */
  step(axis: number, voxels: number): void;
  /** Moves the window and widens it, in pixels of the pointer. */
  changeWindow(centre: number, width: number): void;
  play(): void;
  /** Draws another file on top of the current volume; asks for it without `path`. */
  addOverlay(path?: string): Promise<void>;
  removeOverlay(pane: Pane, overlay: Overlay): Promise<void>;
  /** Draws an overlay in another way, with what is held of it. */
  changeOverlay(overlay: Overlay, change: Partial<OverlayWish>): void;
  /** Shows the overlays in turns, or all at once again. */
  blink(): void;
  /** Shows the next overlay alone. */
  nextOverlay(): void;
  saveScreenshot(): Promise<void>;
  /** Drops the distances measured in all volumes. */
  clearMeasurements(): void;
  /** The volume and plane that keys and the toolbar mean from now on. */
  touch(pane: Pane, plane: Plane): void;
  /** Where the pointer is; undefined outside of the slices. */
  hover(pane: Pane, plane: Plane, place: PlanePoint | undefined): void;
  /** Millimetres: where the crosshair is, in the middle of `grid` at first. */
  crosshairOn(grid: Grid): Vec3;
}
