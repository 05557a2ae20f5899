import { voxelCount, type Vec3 } from '../../geometry';
import type { Affine, VoxelArray } from '../types';
import { newArrayLike } from './stridedCopy';
import { floatsFor, readPlane, viewShape, type Floats, type VoxelView } from './voxelView';

export type Mode = 'linear' | 'nearest';
type Shape4 = readonly [number, number, number, number];
/** For each output index along one axis: the two input indices that it lies between, and the weight of the second. */
export interface AxisMap {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float64Array;
}

/** Round half to even, as torch and numpy do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The map of an axis of `size` input voxels from fractional input coordinates, which are clamped to the volume. */
export function axisMap(size: number, coordinates: ArrayLike<number>): AxisMap {
  const low = new Int32Array(coordinates.length);
  const high = new Int32Array(coordinates.length);
  const weight = new Float64Array(coordinates.length);
  for (let i = 0; i < coordinates.length; i++) {
    const at = Math.min(Math.max(coordinates[i]!, 0), size - 1);
    const floor = Math.floor(at);
    low[i] = floor;
    high[i] = Math.min(floor + 1, size - 1);
    weight[i] = at - floor;
  }
  return { low, high, weight };
}

/** The input indices of an axis that a map reads at all, and the map in places among them. */
interface Needed extends AxisMap {
  readonly indices: Int32Array;
}

function neededOf({ low, high, weight }: AxisMap): Needed {
  const indices = Int32Array.from(new Set([...low, ...high])).sort();
  const places = new Map(Array.from(indices, (index, place) => [index, place]));
  const placesOf = (all: Int32Array): Int32Array => all.map((index) => places.get(index)!);
  return { indices, low: placesOf(low), high: placesOf(high), weight };
}

/** The planes of a view that were read last: two neighbours, which most output planes lie between. */
class Planes {
  private readonly slots: { key: number; readonly data: Floats }[];

  constructor(
    private readonly view: VoxelView,
    private readonly ys: Int32Array,
    private readonly zs: Int32Array,
  ) {
    this.slots = [0, 1].map(() => ({ key: -1, data: floatsFor(view, ys.length * zs.length) }));
  }

  /** Valid until the next but one. */
  get(channel: number, x: number): Floats {
    const key = channel * viewShape(this.view)[1] + x;
    if (this.slots[0]!.key !== key) this.slots.reverse();
    const slot = this.slots[0]!;
    if (slot.key !== key) {
      readPlane(this.view, channel, x, this.ys, this.zs, slot.data);
      slot.key = key;
    }
    return slot.data;
  }
}

/**
 * Trilinear interpolation on a grid whose axes are those of the input: `[C, X, Y, Z]` to float32
 * `[C, maps[0].length, maps[1].length, maps[2].length]`. Sums are in float64 and stored once.
 */
export function sampleLinear(view: VoxelView, maps: readonly [AxisMap, AxisMap, AxisMap]): Float32Array {
  const channels = view.source.shape[0];
  const [mx, my, mz] = maps;
  const length = my.low.length * mz.low.length;
  const [ys, zs] = [neededOf(my), neededOf(mz)];
  const planes = new Planes(view, ys.indices, zs.indices);
  const out = new Float32Array(channels * mx.low.length * length);
  const row = new Float64Array(zs.indices.length);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let x = 0; x < mx.low.length; x++, at += length) {
      const [near, far] = [planes.get(c, mx.low[x]!), planes.get(c, mx.high[x]!)];
      blendPlanes(near, far, mx.weight[x]!, ys, zs, row, out, at);
    }
  }
  return out;
}

/** A plane between two planes; the maps give the offsets of its rows and voxels. It is a function of its own so that it is compiled well. */
function blendPlanes(
  near: Floats,
  far: Floats,
  wx: number,
  ys: AxisMap,
  zs: AxisMap,
  row: Float64Array,
  out: Float32Array,
  at: number,
): void {
  for (let y = 0; y < ys.weight.length; y++, at += zs.weight.length) {
    const [y0, y1] = [ys.low[y]! * row.length, ys.high[y]! * row.length];
    blendRows(near, far, y0, y1, wx, ys.weight[y]!, row);
    blendAlong(row, zs, out, at);
  }
}

/** A row between four: two of the plane before and two of the one behind. */
function blendRows(near: Floats, far: Floats, y0: number, y1: number, wx: number, wy: number, row: Float64Array): void {
  const length = row.length;
  if (wx === 0 && wy === 0) {
    for (let z = 0; z < length; z++) row[z] = near[y0 + z]!;
    return;
  }
  const [a, b, c, d] = [(1 - wx) * (1 - wy), (1 - wx) * wy, wx * (1 - wy), wx * wy];
  for (let z = 0; z < length; z++) {
    row[z] = a * near[y0 + z]! + b * near[y1 + z]! + c * far[y0 + z]! + d * far[y1 + z]!;
  }
}

function blendAlong(row: Float64Array, { low, high, weight }: AxisMap, out: Float32Array, at: number): void {
  for (let z = 0; z < weight.length; z++) {
    const first = row[low[z]!]!;
    out[at + z] = first + (row[high[z]!]! - first) * weight[z]!;
  }
}

/** Picks one input voxel for each output voxel, axis by axis; the type of the data is kept. */
export function samplePicked<T extends VoxelArray>(
  data: T,
  shape: Shape4,
  picks: readonly [Int32Array, Int32Array, Int32Array],
): T {
  const [channels, nx, ny, nz] = shape;
  const [px, py, pz] = picks;
  const out = newArrayLike(data, channels * px.length * py.length * pz.length);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let x = 0; x < px.length; x++) {
      for (let y = 0; y < py.length; y++) {
        const base = ((c * nx + px[x]!) * ny + py[y]!) * nz;
        for (let z = 0; z < pz.length; z++) out[at++] = data[base + pz[z]!]!;
      }
    }
  }
  return out;
}

/**
 * Samples `[C, X, Y, Z]` on any affine grid: output voxel o reads the input at `matrix · o` (voxels to voxels), clamped to the
 * volume. `linear` gives float32; `nearest` keeps the values (round half to even).
 */
export function sampleAffine<T extends VoxelArray>(
  data: T,
  shape: Shape4,
  matrix: Affine,
  size: Vec3,
  mode: Mode,
): T | Float32Array {
  const length = shape[0] * voxelCount(size);
  const out = mode === 'linear' ? new Float32Array(length) : newArrayLike(data, length);
  const inner = mode === 'linear' ? linearRow : nearestRow;
  const start = new Float64Array(3);
  const step = Float64Array.of(matrix[2]!, matrix[6]!, matrix[10]!);
  let at = 0;
  for (let c = 0; c < shape[0]; c++) {
    for (let x = 0; x < size[0]; x++) {
      for (let y = 0; y < size[1]; y++) {
        for (let k = 0; k < 3; k++) start[k] = matrix[k * 4]! * x + matrix[k * 4 + 1]! * y + matrix[k * 4 + 3]!;
        inner(data, shape, c, start, step, out, at, size[2]);
        at += size[2];
      }
    }
  }
  return out;
}

function linearRow(
  data: VoxelArray,
  shape: Shape4,
  channel: number,
  start: Float64Array,
  step: Float64Array,
  out: VoxelArray,
  at: number,
  count: number,
): void {
  const [nx, ny, nz] = [shape[1], shape[2], shape[3]];
  const [sx, sy, sz] = [start[0]!, start[1]!, start[2]!];
  const [dx, dy, dz] = [step[0]!, step[1]!, step[2]!];
  const base = channel * nx * ny * nz;
  for (let i = 0; i < count; i++) {
    const x = Math.min(Math.max(sx + i * dx, 0), nx - 1);
    const y = Math.min(Math.max(sy + i * dy, 0), ny - 1);
    const z = Math.min(Math.max(sz + i * dz, 0), nz - 1);
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const z0 = Math.floor(z);
    const wx = x - x0;
    const wy = y - y0;
    const wz = z - z0;
    const ex = x0 < nx - 1 ? ny * nz : 0;
    const ey = y0 < ny - 1 ? nz : 0;
    const ez = z0 < nz - 1 ? 1 : 0;
    const p = base + (x0 * ny + y0) * nz + z0;
    const a = data[p]! + (data[p + ez]! - data[p]!) * wz;
    const b = data[p + ey]! + (data[p + ey + ez]! - data[p + ey]!) * wz;
    const c = data[p + ex]! + (data[p + ex + ez]! - data[p + ex]!) * wz;
    const d = data[p + ex + ey]! + (data[p + ex + ey + ez]! - data[p + ex + ey]!) * wz;
    const near = a + (b - a) * wy;
    const far = c + (d - c) * wy;
    out[at + i] = near + (far - near) * wx;
  }
}

function nearestRow(
  data: VoxelArray,
  shape: Shape4,
  channel: number,
  start: Float64Array,
  step: Float64Array,
  out: VoxelArray,
  at: number,
  count: number,
): void {
  const [nx, ny, nz] = [shape[1], shape[2], shape[3]];
  for (let i = 0; i < count; i++) {
    const x = roundHalfEven(Math.min(Math.max(start[0]! + i * step[0]!, 0), nx - 1));
    const y = roundHalfEven(Math.min(Math.max(start[1]! + i * step[1]!, 0), ny - 1));
    const z = roundHalfEven(Math.min(Math.max(start[2]! + i * step[2]!, 0), nz - 1));
    out[at + i] = data[((channel * nx + x) * ny + y) * nz + z]!;
  }
}
