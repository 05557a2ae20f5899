import type { Axis } from './vec3';

/** The two axes that lie in a plane, of its normal: along a row, and from row to row. */
export function axesOf(plane: Axis): readonly [number, number] {
  return plane === 0 ? [1, 2] : plane === 1 ? [0, 2] : [0, 1];
}
