import type { Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import type { Point } from './shapes';

/** For every voxel, its place in the patient's frame (mm): pose, proportions and a smooth deformation undone. */
export interface PatientCoordinates {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  /** Voxels that may lie in a box of the patient's frame, high end exclusive. */
  voxelBox(low: Point, high: Point): { low: Point; high: Point };
}

/** The scanner's grid: millimetres of voxel index `i` along an axis are `first + i · step`. */
export interface ScannerGrid {
  readonly shape: Vec3;
  readonly first: Point;
  readonly step: Point;
}

const KNOT = 55;
const MARGIN = 20;

interface Spline {
  readonly origin: number;
  readonly count: number;
  /** Four weights a voxel, and the first knot they belong to. */
  readonly weights: Float32Array;
  readonly knot: Int32Array;
}

/** Cubic B-spline weights of the voxels along an axis over knots every {@link KNOT} mm. */
function splineAlong(first: number, step: number, size: number): Spline {
  const ends = [first, first + step * (size - 1)];
  const origin = Math.floor(Math.min(...ends) / KNOT) - 1;
  const count = Math.floor(Math.max(...ends) / KNOT) + 3 - origin;
  const weights = new Float32Array(4 * size);
  const knot = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    const p = (first + i * step) / KNOT;
    const t = p - Math.floor(p);
    knot[i] = Math.floor(p) - 1 - origin;
    weights.set(
      [(1 - t) ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6, t ** 3 / 6],
      4 * i,
    );
  }
  return { origin, count, weights, knot };
}

/** Contracts the first axis of `[count, rest]` knots with a voxel's four weights. */
function contract(spline: Spline, i: number, knots: Float32Array, rest: number, out: Float32Array): void {
  const at = spline.knot[i]! * rest;
  const w = spline.weights;
  for (let r = 0; r < rest; r++)
    out[r] =
      w[4 * i]! * knots[at + r]! +
      w[4 * i + 1]! * knots[at + rest + r]! +
      w[4 * i + 2]! * knots[at + 2 * rest + r]! +
      w[4 * i + 3]! * knots[at + 3 * rest + r]!;
}

interface Pose {
  readonly shift: Point;
  readonly scale: Point;
  readonly angle: number;
}

function drawPose(random: RandomStream): Pose {
  return {
    shift: [random.range(-10, 10), random.range(-8, 8), random.range(-14, 14)],
    scale: [random.range(0.9, 1.07), random.range(0.92, 1.08), random.range(0.92, 1.1)],
    angle: random.range(-0.06, 0.06),
  };
}

/**
 * Draws a patient's pose (shift, proportions, a turn about the long axis) and a smooth deformation, and computes where every
 * voxel lies in the patient's frame.
 *
 * @param amount standard deviation of the deformation's knots, mm
 */
export function patientCoordinates(grid: ScannerGrid, random: RandomStream, amount: number): PatientCoordinates {
  const [nx, ny, nz] = grid.shape;
  const pose = drawPose(random);
  const splines = [0, 1, 2].map((axis) => splineAlong(grid.first[axis]!, grid.step[axis]!, grid.shape[axis]!));
  const [sx, sy, sz] = splines as [Spline, Spline, Spline];
  const knots = new Float32Array(sx.count * sy.count * sz.count * 3);
  for (let i = 0; i < knots.length; i++) knots[i] = amount * Math.max(-2, Math.min(2, random.normal()));
  const plane = new Float32Array(sy.count * sz.count * 3);
  const line = new Float32Array(sz.count * 3);
  const moved = new Float32Array(3);
  const out = {
    x: new Float32Array(nx * ny * nz),
    y: new Float32Array(nx * ny * nz),
    z: new Float32Array(nx * ny * nz),
  };
  const cos = Math.cos(pose.angle);
  const sin = Math.sin(pose.angle);
  for (let i = 0, at = 0; i < nx; i++) {
    contract(sx, i, knots, sy.count * sz.count * 3, plane);
    const px = grid.first[0] + i * grid.step[0] - pose.shift[0];
    for (let j = 0; j < ny; j++) {
      contract(sy, j, plane, sz.count * 3, line);
      const py = grid.first[1] + j * grid.step[1] - pose.shift[1];
      const qx = (cos * px + sin * py) / pose.scale[0];
      const qy = (cos * py - sin * px) / pose.scale[1];
      for (let k = 0; k < nz; k++, at++) {
        contract(sz, k, line, 3, moved);
        out.x[at] = qx + moved[0]!;
        out.y[at] = qy + moved[1]!;
        out.z[at] = (grid.first[2] + k * grid.step[2] - pose.shift[2]) / pose.scale[2] + moved[2]!;
      }
    }
  }
  return { ...out, voxelBox: (low, high) => voxelBox(grid, pose, low, high) };
}

function voxelBox(grid: ScannerGrid, pose: Pose, low: Point, high: Point): { low: Point; high: Point } {
  const cos = Math.cos(pose.angle);
  const sin = Math.sin(pose.angle);
  const ends: [number[], number[], number[]] = [[], [], []];
  for (let corner = 0; corner < 8; corner++) {
    const pick = (axis: 0 | 1 | 2) =>
      (((corner >> axis) & 1 ? high : low)[axis] + ((corner >> axis) & 1 ? MARGIN : -MARGIN)) * pose.scale[axis];
    const [x, y, z] = [pick(0), pick(1), pick(2)];
    const scanner = [cos * x - sin * y, sin * x + cos * y, z];
    for (const axis of [0, 1, 2] as const)
      ends[axis].push((scanner[axis]! + pose.shift[axis] - grid.first[axis]) / grid.step[axis]);
  }
  const clamp = (value: number, axis: 0 | 1 | 2) => Math.max(0, Math.min(grid.shape[axis], value));
  const each = (value: (axis: 0 | 1 | 2) => number): Point => [value(0), value(1), value(2)];
  return {
    low: each((axis) => clamp(Math.floor(Math.min(...ends[axis])), axis)),
    high: each((axis) => clamp(Math.ceil(Math.max(...ends[axis])) + 1, axis)),
  };
}
