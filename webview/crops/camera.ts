import type { Vec3 } from '../../src/geometry';

/** Degrees. At 0 and 0 the patient is seen from the front. */
export interface Turn {
  readonly azimuth: number;
  readonly elevation: number;
}

/** Parallel projection of millimetres (towards right, anterior, superior, from the middle of the volume). */
export class Camera {
  readonly right: Vec3;
  readonly up: Vec3;
  /** Towards the viewer. */
  readonly towards: Vec3;

  constructor(
    { azimuth, elevation }: Turn,
    readonly scale: number,
    private readonly middle: readonly [number, number],
  ) {
    const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
    this.towards = [Math.sin(a) * Math.cos(e), Math.cos(a) * Math.cos(e), Math.sin(e)];
    this.up = [-Math.sin(a) * Math.sin(e), -Math.cos(a) * Math.sin(e), Math.cos(e)];
    this.right = [-Math.cos(a), Math.sin(a), 0];
  }

  /** Place on the picture, and how near it is to the viewer in millimetres. */
  project([x, y, z]: Vec3): Vec3 {
    const along = (axis: Vec3): number => x * axis[0] + y * axis[1] + z * axis[2];
    return [
      this.middle[0] + this.scale * along(this.right),
      this.middle[1] - this.scale * along(this.up),
      along(this.towards),
    ];
  }
}

/** Corners of a face of a box (from `low` to `high`), across an axis at its low or high end, in order around it. */
export function faceOf(low: Vec3, high: Vec3, axis: number, atHigh: boolean): Vec3[] {
  const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
  return [
    [low[a]!, low[b]!],
    [high[a]!, low[b]!],
    [high[a]!, high[b]!],
    [low[a]!, high[b]!],
  ].map(([u, v]) => {
    const corner = [0, 0, 0];
    corner[axis] = (atHigh ? high : low)[axis]!;
    [corner[a], corner[b]] = [u!, v!];
    return corner as unknown as Vec3;
  });
}

/** The twelve edges of a box. */
export function edgesOf(low: Vec3, high: Vec3): [Vec3, Vec3][] {
  return [0, 1, 2].flatMap((axis) =>
    faceOf(low, high, axis, false).map((from): [Vec3, Vec3] => {
      const to = [...from];
      to[axis] = high[axis]!;
      return [from, to as unknown as Vec3];
    }),
  );
}
