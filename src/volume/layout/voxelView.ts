import { boxBetween, boxEnd, mapAxes, mapVec3, voxelCount, type Axis, type Box } from '../../geometry';
import { shiftAffine } from '../affine';
import type { Affine, Volume, VoxelArray } from '../types';
import { levelsOf, lookUp, scaleAll, type Levels, type Scaling } from './scaling';
import { copyBlock, newArrayLike } from './stridedCopy';

/**
 * A box of a volume, and how its intensities are to be scaled, before either is worked out: a step that reads only some of the voxels
 * needs no cut and scaled copy of all.
 */
export interface VoxelView {
  readonly source: Volume;
  /** Inside the source. */
  readonly box: Box;
  /** One a channel; null: the numbers stay as they are. */
  readonly scaling: readonly ScaledChannel[] | null;
}

export interface ScaledChannel {
  readonly scaling: Scaling;
  readonly levels: Levels | undefined;
}

/** A volume as it is. */
export function viewOf(volume: Volume): VoxelView {
  const [, x, y, z] = volume.shape;
  return { source: volume, box: { start: [0, 0, 0], size: [x, y, z] }, scaling: null };
}

/** A view that is not scaled, with a scaling for each channel. */
export function scaleView(view: VoxelView, scalings: readonly Scaling[]): VoxelView {
  const { data } = view.source;
  return { ...view, scaling: scalings.map((scaling) => ({ scaling, levels: levelsOf(data, scaling) })) };
}

export function viewShape({ source, box }: VoxelView): Volume['shape'] {
  return [source.shape[0], ...box.size];
}

export function viewAffine({ source, box }: VoxelView): Affine {
  return box.start.some((start) => start > 0) ? shiftAffine(source.affine, box.start) : source.affine;
}

export function isWhole(view: VoxelView): boolean {
  return viewShape(view).every((size, axis) => size === view.source.shape[axis]);
}

/** A box of a view, in voxels of the view; what reaches over its edges is left out. */
export function cutView(view: VoxelView, box: Box): VoxelView {
  const { size } = view.box;
  const clamp = (value: number, low: number, axis: Axis): number => Math.min(Math.max(value, low), size[axis]);
  const start = mapVec3(box.start, (value, axis) => clamp(value, 0, axis));
  const end = mapVec3(boxEnd(box), (value, axis) => clamp(value, start[axis], axis));
  const inSource = mapAxes((axis) => start[axis] + view.box.start[axis]);
  return { ...view, box: { start: inSource, size: boxBetween(start, end).size } };
}

/** Whether float32 holds every number of the source; whole numbers beyond ±2^24 may be rounded. */
export function exactInFloat32({ data }: Pick<Volume, 'data'>): boolean {
  return data.BYTES_PER_ELEMENT < 4 || data instanceof Float32Array;
}

/** The volume that a view describes: the source itself where that is all, else a copy; float32 when scaled. */
export function voxelsOf(view: VoxelView): Volume {
  const { source, box, scaling } = view;
  if (scaling === null && isWhole(view)) return source;
  const data = scaling === null ? cutVoxels(source, box) : scaledVoxels(view);
  return { data, shape: viewShape(view), affine: viewAffine(view) };
}

/** The voxels of a box that lies inside the volume. */
export function cutVoxels<T extends VoxelArray>({ data, shape }: Volume<T>, { start, size }: Box): T {
  const [channels, nx, ny, nz] = shape;
  const length = voxelCount(size);
  const out = newArrayLike(data, channels * length);
  const strides = [ny * nz, nz, 1] as const;
  for (let c = 0; c < channels; c++) {
    const offset = ((c * nx + start[0]) * ny + start[1]) * nz + start[2];
    copyBlock(data, { offset, strides }, size, out, c * length);
  }
  return out;
}

function scaledVoxels(view: VoxelView): Float32Array {
  const [channels, nx, ny, nz] = viewShape(view);
  const out = new Float32Array(channels * nx * ny * nz);
  const [ys, zs] = [allOf(ny), allOf(nz)];
  for (let c = 0, at = 0; c < channels; c++) {
    for (let x = 0; x < nx; x++, at += ny * nz) readPlane(view, c, x, ys, zs, out.subarray(at, at + ny * nz));
  }
  return out;
}

/** 0, 1, … to below `count`. */
export function allOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

export type Floats = Float32Array | Float64Array;

/** Room for voxels of a view: float32 where that holds every number. */
export function floatsFor({ source, scaling }: VoxelView, length: number): Floats {
  return scaling !== null || exactInFloat32(source) ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Reads a plane across x at chosen rows and places (both rising), in voxels of the view: out[i · zs.length + k] is the voxel
 * (x, ys[i], zs[k]).
 *
 * @param out as {@link floatsFor} makes it
 */
export function readPlane(
  { source, box, scaling }: VoxelView,
  channel: number,
  x: number,
  ys: Int32Array,
  zs: Int32Array,
  out: Floats,
): void {
  const { data } = source;
  const [, nx, ny, nz] = source.shape;
  const from = ((channel * nx + box.start[0] + x) * ny + box.start[1]) * nz + box.start[2];
  const own = scaling?.[channel];
  if (own?.levels && data instanceof Int16Array) {
    lookUp(data, own.levels, { from, stride: nz }, ys, zs, out);
  } else if (!own) {
    readRows(data, from, nz, ys, zs, out);
  } else {
    const numbers = exactInFloat32(source) ? out : new Float64Array(out.length);
    readRows(data, from, nz, ys, zs, numbers);
    scaleAll(numbers, out as Float32Array, own.scaling);
  }
}

function readRows(data: VoxelArray, from: number, stride: number, ys: Int32Array, zs: Int32Array, out: Floats): void {
  const [first, places] = [zs[0] ?? 0, zs.length];
  const length = places === 0 ? 0 : zs[places - 1]! - first + 1;
  // A row is converted to one kind of number first, so that the loop over it is the same machine code for every datatype.
  const row = length === places ? undefined : newArrayLike(out, length);
  for (let i = 0; i < ys.length; i++) {
    const start = from + ys[i]! * stride + first;
    const voxels = data.subarray(start, start + length);
    if (!row) {
      out.set(voxels, i * places);
      continue;
    }
    row.set(voxels);
    for (let k = 0, at = i * places; k < places; k++) out[at++] = row[zs[k]! - first]!;
  }
}
