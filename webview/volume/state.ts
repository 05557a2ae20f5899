import { mapVec3, type Vec3 } from '../../src/geometry';
import type { VolumeState, VolumeWish } from '../../src/protocol/volume';
import { toWorld } from './geometry';
import type { Pane } from './pane';

export const DEFAULT_STATE: VolumeState = {
  volumes: [],
  layout: 'all',
  tool: 'crosshair',
  namedWindow: '',
  zoom: 1,
  pan: [0, 0, 0],
  channel: 0,
  radiological: true,
  smooth: false,
  opacity: 0.5,
  outline: false,
  hiddenLabels: [],
  sidebar: true,
};

/** What of a pane is remembered: its file with its overlays. */
export function wishOf({ shown, overlays }: Pane): VolumeWish {
  return { path: shown.path, name: shown.name, overlays: overlays.map(({ wish }) => wish) };
}

/** Whether what a pane shows comes from a file; overlays are sampled on the grid of the volume below, and so depend on its file too. */
export function dependsOn({ shown }: Pane, file: string | undefined): boolean {
  const files = [shown, ...shown.overlays.flatMap((one) => (one.truth ? [one, one.truth] : [one]))];
  return files.some(({ path }) => path === file);
}

/** Millimetres. */
export function middleOf(grid: { readonly size: Vec3; readonly affine: readonly number[] }): Vec3 {
  return toWorld(
    grid,
    mapVec3(grid.size, (n) => Math.floor(n / 2)),
  );
}

/** A window after a move of the pointer, in steps that suit the values of the volume; undefined where it would be empty. */
export function movedWindow(
  pane: Pane,
  state: VolumeState,
  centre: number,
  width: number,
): readonly [number, number] | undefined {
  const [low, high] = pane.windowOf(state);
  const range = pane.statistics?.range ?? [low, high];
  const unit = Math.max(1e-6, (range[1] - range[0]) / 1000, (high - low) / 400);
  const middle = (low + high) / 2 + centre * unit;
  const half = Math.max(unit / 2, (high - low + width * unit) / 2);
  const digits = unit >= 0.2 ? 0 : Math.ceil(-Math.log10(unit)) + 1;
  const round = (value: number): number => Number(value.toFixed(digits));
  const next = [round(middle - half), round(middle + half)] as const;
  return next[1] > next[0] ? next : undefined;
}
