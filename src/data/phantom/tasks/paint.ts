import { mapVec3, type Vec3 } from '../../../geometry';
import type { RandomStream } from '../../../random/random';

/** An ellipsoid in a volume: centre and half axes as shares of the volume's size along x, y, z. */
export interface Ellipsoid {
  readonly centre: Vec3;
  readonly radii: Vec3;
}

/** Calls `draw` with the flat index (z fastest) of every voxel inside. */
export function insideOf({ centre, radii }: Ellipsoid, size: Vec3, draw: (index: number) => void): void {
  const range = (axis: 0 | 1 | 2): [number, number] => [
    Math.max(0, Math.floor((centre[axis] - radii[axis]) * size[axis])),
    Math.min(size[axis] - 1, Math.ceil((centre[axis] + radii[axis]) * size[axis])),
  ];
  const part = (index: number, axis: 0 | 1 | 2): number =>
    (((index + 0.5) / size[axis] - centre[axis]) / radii[axis]) ** 2;
  const [xs, ys, zs] = [range(0), range(1), range(2)];
  for (let x = xs[0]; x <= xs[1]; x++)
    for (let y = ys[0]; y <= ys[1]; y++)
      for (let z = zs[0]; z <= zs[1]; z++) {
        if (part(x, 0) + part(y, 1) + part(z, 2) <= 1) draw((x * size[1] + y) * size[2] + z);
      }
}

/** The ellipsoid moved and stretched a little, as patients differ. */
export function varied({ centre, radii }: Ellipsoid, random: RandomStream, amount = 0.06): Ellipsoid {
  const shift = (value: number, by: number): number => value + random.range(-by, by);
  return {
    centre: mapVec3(centre, (value) => shift(value, 0.4 * amount)),
    radii: mapVec3(radii, (value) => value * (1 + random.range(-2 * amount, 2 * amount))),
  };
}

/** Adds normal noise and rounds to int16. */
export function noisy(values: Float32Array, random: RandomStream, deviation: number): Int16Array {
  return Int16Array.from(values, (value) =>
    Math.max(-1024, Math.min(3071, Math.round(value + deviation * random.normal()))),
  );
}
