import { boxAround, type Vec3 } from '../geometry';
import type { LocatedPosition, LocateSummary } from '../protocol/locate';
import { RandomStream, streamId } from '../random/random';
import { baseBoxes, drawCentre, positionLabel, type CropGrid } from '../pretext/voco/geometry';

const POSITIONS = streamId('locate positions');

/** Centres of `count` random crops, voxels: a function of seed and number alone, so that checkpoints are asked the same. */
export function samplePositions(grid: CropGrid, count: number, seed: number): Vec3[] {
  return Array.from({ length: count }, (_, i) => drawCentre(grid, new RandomStream(seed, POSITIONS, i)));
}

/** Index of the largest number, the first of equals. */
function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function millimetres(a: Vec3, b: Vec3, spacing: Vec3): number {
  return Math.hypot(...a.map((at, axis) => (at - b[axis]!) * spacing[axis]!));
}

/** Mean of the base crops' centres, weighted; null when all weights are 0. */
export function weightedPlace(weights: ArrayLike<number>, grid: CropGrid): Vec3 | null {
  let total = 0;
  const sum: [number, number, number] = [0, 0, 0];
  baseBoxes(grid).forEach(({ start, size }, i) => {
    total += weights[i]!;
    for (const axis of [0, 1, 2] as const) sum[axis] += weights[i]! * (start[axis] + Math.floor(size[axis] / 2));
  });
  return total > 0 ? [sum[0] / total, sum[1] / total, sum[2] / total] : null;
}

/** What a prediction says of the crop around a centre. `spacing` in millimetres. */
export function judge(centre: Vec3, predicted: readonly number[], grid: CropGrid, spacing: Vec3): LocatedPosition {
  const label = [...positionLabel(boxAround(centre, grid.crop), grid)];
  const believed = weightedPlace(predicted, grid);
  return {
    centre,
    label,
    predicted,
    believed,
    distance: believed && millimetres(centre, believed, spacing),
    difference: label.reduce((sum, y, i) => sum + Math.abs(y - predicted[i]!), 0) / grid.size,
    hit: largest(label) === largest(predicted),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function summarize(positions: readonly LocatedPosition[], grid: CropGrid, spacing: Vec3): LocateSummary {
  const distances = positions.flatMap(({ distance }) => (distance === null ? [] : [distance])).sort((a, b) => a - b);
  const half = distances.length / 2;
  const middle = weightedPlace(new Array<number>(grid.size).fill(1), grid)!;
  return {
    positions: positions.length,
    accuracy: mean(positions.map(({ hit }) => Number(hit))),
    difference: mean(positions.map(({ difference }) => difference)),
    meanDistance: distances.length > 0 ? mean(distances) : null,
    medianDistance: distances.length > 0 ? (distances[Math.ceil(half) - 1]! + distances[Math.floor(half)]!) / 2 : null,
    guessDistance: mean(positions.map(({ centre }) => millimetres(centre, middle, spacing))),
    unanswered: positions.length - distances.length,
  };
}
