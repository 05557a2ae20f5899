import { mapAxes, voxelCount, type Vec3 } from '../geometry';
import type { BodySurface } from '../protocol/crops';
import { resize, spacingOf, type Volume } from '../volume';

/** Voxels along the longest axis of the reduced volume, in millimetres of the original. */
const LONGEST = 84;
/** What is above this share of the intensity range belongs to the body. */
const THRESHOLD = 0.15;
/** Grey of the darkest voxels of a body that has no intensity of its own against what is around it. */
const BODY = 0.3;

function reducedSize(size: Vec3, spacing: Vec3): Vec3 {
  const lengths = size.map((n, axis) => n * spacing[axis]!);
  const voxel = Math.max(...lengths) / LONGEST;
  return mapAxes((axis) => Math.max(1, Math.min(size[axis]!, Math.round(lengths[axis]! / voxel))));
}

/**
 * The outermost voxels of a reduced copy of the first channel, with their normals: what lies at the edge of the volume is cut,
 * and shows its grey value. `[low, high]` are black and white.
 *
 * @param zeroIsAround what is around the body is exactly 0, and all else is body: of z-scores half are below 0
 */
export function bodySurface(
  volume: Volume<Float32Array>,
  [low, high]: readonly [number, number],
  zeroIsAround = false,
): BodySurface {
  const [, ...full] = volume.shape;
  const spacing = spacingOf(volume.affine);
  const size = reducedSize(full, spacing);
  const own = volume.data.subarray(0, voxelCount(full));
  const bright = (value: number): number => (value === 0 ? low : Math.max(value, low + BODY * (high - low)));
  const first = { ...volume, data: zeroIsAround ? own.map(bright) : own, shape: [1, ...full] as const };
  const { data } = resize(first, size, { mode: 'linear' });
  const [nx, ny, nz] = size;
  const level = low + THRESHOLD * (high - low);
  const at = (x: number, y: number, z: number): number =>
    x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? -Infinity : data[(x * ny + y) * nz + z]!;
  const places: number[] = [];
  const normals: number[] = [];
  const greys: number[] = [];
  for (let x = 0; x < nx; x++)
    for (let y = 0; y < ny; y++)
      for (let z = 0; z < nz; z++) {
        const value = at(x, y, z);
        if (value <= level) continue;
        const sides = [
          at(x - 1, y, z),
          at(x + 1, y, z),
          at(x, y - 1, z),
          at(x, y + 1, z),
          at(x, y, z - 1),
          at(x, y, z + 1),
        ];
        if (sides.every((side) => side > level)) continue;
        places.push(x, y, z);
        normals.push(...normalOf(sides, low, level, full, size, spacing));
        greys.push(Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))));
      }
  return { size, places: Uint8Array.from(places), normals: Int8Array.from(normals), greys: Uint8Array.from(greys) };
}

/** Against the gradient of what is inside: values above the level count alike, so that organs do not tilt the skin. */
function normalOf(
  sides: readonly number[],
  low: number,
  level: number,
  full: Vec3,
  size: Vec3,
  spacing: Vec3,
): number[] {
  const flat = (value: number): number => Math.max(low, Math.min(level, value));
  const normal = [0, 1, 2].map((axis) => {
    const length = (full[axis]! * spacing[axis]!) / size[axis]!;
    return (flat(sides[2 * axis]!) - flat(sides[2 * axis + 1]!)) / length;
  });
  const norm = Math.hypot(...normal);
  return normal.map((part) => Math.round(norm > 0 ? (127 * part) / norm : 0));
}
