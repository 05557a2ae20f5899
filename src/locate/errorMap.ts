import type { ErrorMap, LocatedPosition } from '../protocol/locate';
import { centreRange, type CropGrid } from '../pretext/voco/geometry';

/** Nodes of the map a crop length, and width of the smoothing in crop lengths. */
const NODES_A_CROP = 4;
const SIGMA = 0.25;
/** Below this weight no position is near: the nearest one counts. */
const FAR = 1e-9;

/**
 * Distances at scattered positions as a map over all places that a crop's centre can have: at each node the mean weighted by a
 * Gaussian of the distance in crop lengths (Nadaraya–Watson). Positions without an answer are left out.
 *
 * @returns values in millimetres; none when there is no position with an answer
 */
export function errorMap(positions: readonly LocatedPosition[], grid: CropGrid): ErrorMap {
  const { low, high } = centreRange(grid);
  const axes = [0, 1, 2] as const;
  const extent = axes.map((axis) => high[axis] - 1 - low[axis]);
  const counts = axes.map((axis) => 1 + Math.ceil((extent[axis]! * NODES_A_CROP) / grid.crop[axis]));
  const step = axes.map((axis) => (counts[axis]! > 1 ? extent[axis]! / (counts[axis]! - 1) : grid.crop[axis]));
  const known = positions.filter(({ distance }) => distance !== null);
  const values: number[] = [];
  const triple = (list: number[]) => [list[0]!, list[1]!, list[2]!] as const;
  const map = { origin: low, step: triple(step), counts: triple(counts), values };
  if (known.length === 0) return map;
  for (let i = 0; i < counts[0]!; i++)
    for (let j = 0; j < counts[1]!; j++)
      for (let k = 0; k < counts[2]!; k++) {
        const node = [low[0] + i * step[0]!, low[1] + j * step[1]!, low[2] + k * step[2]!] as const;
        values.push(smoothed(known, node, grid));
      }
  return map;
}

function smoothed(known: readonly LocatedPosition[], node: readonly number[], grid: CropGrid): number {
  let [weights, sum] = [0, 0];
  let [nearest, value] = [Infinity, 0];
  for (const { centre, distance } of known) {
    const squared = centre.reduce((total, at, axis) => total + ((at - node[axis]!) / grid.crop[axis]!) ** 2, 0);
    const weight = Math.exp(-squared / (2 * SIGMA ** 2));
    weights += weight;
    sum += weight * distance!;
    if (squared < nearest) [nearest, value] = [squared, distance!];
  }
  return weights > FAR ? sum / weights : value;
}
