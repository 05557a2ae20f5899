/** Windows of attention, as the fixture swin_blocks.json tells them. */
import type { Vec3 } from '../../src/geometry';
import { partsOf } from './fixtures';

/** The window whose offsets a table of (2k − 1)³ rows lists. */
export function tableWindowOf(rows: number): Vec3 {
  const k = (Math.round(Math.cbrt(rows)) + 1) / 2;
  return [k, k, k];
}

/** Size of a window of so many tokens: a cube, or edges of at most 7 (only their product matters to attention). */
export function windowOf(tokens: number): Vec3 {
  const cube = Math.round(Math.cbrt(tokens));
  if (cube ** 3 === tokens) return [cube, cube, cube];
  for (let a = 7; a > 0; a--)
    for (let b = a; b > 0; b--) if (Number.isInteger(tokens / (a * b))) return [tokens / (a * b), b, a];
  throw new Error(`${tokens} tokens are no window`);
}

/** Windows in a volume. */
export interface Layout {
  /** Size of the volume that the windows come from, voxels. */
  size: Vec3;
  window: number;
  shift: number;
}

/** The masked case's windows, from `compute_mask((14,14,14), 7, 3)` in the note. */
export function maskedLayout(note: string): Layout {
  const parts = partsOf(/compute_mask\(\((\d+), ?(\d+), ?(\d+)\), ?(\d+), ?(\d+)\)/, note).map(Number);
  const [d, h, w, window, shift] = parts as [number, number, number, number, number];
  return { size: [d, h, w], window, shift };
}
