import type { Vec3 } from '../../geometry';

/**
 * Implicit shapes: functions of a point in millimetres that are negative inside, positive outside, and close to the distance
 * near the surface, so that a voxel's partial volume follows from one evaluation at its centre.
 */
export type Field = (x: number, y: number, z: number) => number;

export type Point = Vec3;

/** A shape and a box that contains it, with which the renderer skips the voxels far away. */
export interface Shape {
  readonly field: Field;
  readonly low: Point;
  readonly high: Point;
}

/** An axis-aligned ellipsoid, with the first-order distance. */
export function ellipsoid(centre: Point, radii: Point): Shape {
  const [cx, cy, cz] = centre;
  const [rx, ry, rz] = radii;
  const smallest = Math.min(rx, ry, rz);
  return {
    field: (x, y, z) => {
      const px = (x - cx) / rx;
      const py = (y - cy) / ry;
      const pz = (z - cz) / rz;
      const k0 = Math.sqrt(px * px + py * py + pz * pz);
      const k1 = Math.sqrt((px / rx) ** 2 + (py / ry) ** 2 + (pz / rz) ** 2);
      return k1 > 1e-9 ? (k0 * (k0 - 1)) / k1 : -smallest;
    },
    low: [cx - rx, cy - ry, cz - rz],
    high: [cx + rx, cy + ry, cz + rz],
  };
}

/** A point of a tube's centre line with the radius there. */
export type TubePoint = readonly [x: number, y: number, z: number, radius: number];

function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/** Refines a centre line with Catmull–Rom curves through its points. */
export function smoothLine(points: readonly TubePoint[], pieces = 5): TubePoint[] {
  const at = (i: number) => points[Math.max(0, Math.min(points.length - 1, i))]!;
  const line: TubePoint[] = [];
  for (let i = 0; i + 1 < points.length; i++)
    for (let piece = 0; piece < pieces; piece++) {
      const value = (axis: 0 | 1 | 2 | 3) =>
        catmullRom(at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis], piece / pieces);
      line.push([value(0), value(1), value(2), Math.max(1, value(3))]);
    }
  line.push(points.at(-1)!);
  return line;
}

/**
 * A tube along a curve with a radius that changes along it.
 *
 * @param flatten factor by which it is narrower along y than along x and z (1: round)
 */
export function tube(points: readonly TubePoint[], flatten = 1): Shape {
  const line = points.length > 2 ? smoothLine(points) : [...points];
  const count = line.length - 1;
  const a = Float64Array.from(line.flat());
  const field: Field = (x, y, z) => {
    let best = Infinity;
    for (let i = 0; i < count; i++) {
      const o = 4 * i;
      const ux = a[o + 4]! - a[o]!;
      const uy = (a[o + 5]! - a[o + 1]!) / flatten;
      const uz = a[o + 6]! - a[o + 2]!;
      const vx = x - a[o]!;
      const vy = (y - a[o + 1]!) / flatten;
      const vz = z - a[o + 2]!;
      const t = Math.max(0, Math.min(1, (vx * ux + vy * uy + vz * uz) / (ux * ux + uy * uy + uz * uz + 1e-9)));
      const dx = vx - t * ux;
      const dy = vy - t * uy;
      const dz = vz - t * uz;
      const d = Math.sqrt(dx * dx + dy * dy + dz * dz) - a[o + 3]! - t * (a[o + 7]! - a[o + 3]!);
      if (d < best) best = d;
    }
    return best;
  };
  const bound = (axis: 0 | 1 | 2, sign: 1 | -1) =>
    sign * Math.max(...line.map((point) => sign * point[axis] + point[3]));
  return {
    field,
    low: [bound(0, -1), bound(1, -1), bound(2, -1)],
    high: [bound(0, 1), bound(1, 1), bound(2, 1)],
  };
}

/** Union of shapes whose seams are rounded over about `blend` millimetres. */
export function union(shapes: readonly Shape[], blend = 8): Shape {
  const fields = shapes.map((shape) => shape.field);
  const corner = (pick: (shape: Shape) => Point, of: (...values: number[]) => number): Point => [
    of(...shapes.map((shape) => pick(shape)[0])),
    of(...shapes.map((shape) => pick(shape)[1])),
    of(...shapes.map((shape) => pick(shape)[2])),
  ];
  return {
    field: (x, y, z) => {
      let d = fields[0]!(x, y, z);
      for (let i = 1; i < fields.length; i++) {
        const other = fields[i]!(x, y, z);
        const h = Math.max(blend - Math.abs(d - other), 0) / blend;
        d = Math.min(d, other) - 0.25 * h * h * blend;
      }
      return d;
    },
    low: corner((shape) => shape.low, Math.min),
    high: corner((shape) => shape.high, Math.max),
  };
}

/** The part of a shape that lies outside another, with an edge rounded over about `blend` millimetres. */
export function subtract(shape: Shape, other: Shape, blend = 4): Shape {
  return clip(shape, (x, y, z) => -other.field(x, y, z), blend);
}

/** The part of a shape where `limit` is negative. */
export function clip(shape: Shape, limit: Field, blend = 3): Shape {
  const { field } = shape;
  return {
    ...shape,
    field: (x, y, z) => {
      const d = field(x, y, z);
      if (d > 20) return d;
      const other = limit(x, y, z);
      const h = Math.max(blend - Math.abs(d - other), 0) / blend;
      return Math.max(d, other) + 0.25 * h * h * blend;
    },
  };
}

/** Moves and scales a shape about a point. */
export function vary(shape: Shape, about: Point, scale: number, shift: Point): Shape {
  const [ax, ay, az] = about;
  const [sx, sy, sz] = shift;
  const { field } = shape;
  const place = (p: Point): Point => [
    ax + sx + (p[0] - ax) * scale,
    ay + sy + (p[1] - ay) * scale,
    az + sz + (p[2] - az) * scale,
  ];
  return {
    field: (x, y, z) =>
      scale * field(ax + (x - ax - sx) / scale, ay + (y - ay - sy) / scale, az + (z - az - sz) / scale),
    low: place(shape.low),
    high: place(shape.high),
  };
}

/** Roughens a surface by up to `amplitude` millimetres. */
export function roughen(shape: Shape, noise: Field, amplitude: number, period: number): Shape {
  const { field } = shape;
  return {
    field: (x, y, z) => {
      const d = field(x, y, z);
      return d > 3 * amplitude ? d : d + amplitude * noise(x / period, y / period, z / period);
    },
    low: [shape.low[0] - amplitude, shape.low[1] - amplitude, shape.low[2] - amplitude],
    high: [shape.high[0] + amplitude, shape.high[1] + amplitude, shape.high[2] + amplitude],
  };
}

/** Smooth noise in about −1..1 with features of size 1. */
export function valueNoise(seed: number): Field {
  const lattice = (x: number, y: number, z: number): number => {
    let h = (Math.imul(x, 0x8da6b343) ^ Math.imul(y, 0xd8163841) ^ Math.imul(z, 0xcb1ab31f) ^ seed) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    return ((h ^ (h >>> 15)) >>> 0) / 2 ** 31 - 1;
  };
  return (x, y, z) => {
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const z0 = Math.floor(z);
    const ease = (t: number) => t * t * (3 - 2 * t);
    const tx = ease(x - x0);
    const ty = ease(y - y0);
    const tz = ease(z - z0);
    const edge = (dy: number, dz: number) => {
      const a = lattice(x0, y0 + dy, z0 + dz);
      return a + tx * (lattice(x0 + 1, y0 + dy, z0 + dz) - a);
    };
    const low = edge(0, 0) + ty * (edge(1, 0) - edge(0, 0));
    const high = edge(0, 1) + ty * (edge(1, 1) - edge(0, 1));
    return low + tz * (high - low);
  };
}
