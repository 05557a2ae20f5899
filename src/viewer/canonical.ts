import { mapAxes, voxelCount, type Vec3, axesOf } from '../geometry';
import type { Grid, Plane, Slice, VoxelStorage, Voxels } from '../protocol/volume';
import { composeAffine, invertAffine, orientationOf, sameGrid, type Affine, type NiftiHeader } from '../volume';

/** Voxels in the file's order, with the steps along the canonical axes (protocol/volume.ts says which they are). */
export interface CanonicalView {
  readonly grid: Grid;
  readonly storage: VoxelStorage;
  /** Position of canonical voxel (0, 0, 0) in the array of one channel. */
  readonly origin: number;
  readonly strides: Vec3;
  /** Voxels of one channel. */
  readonly length: number;
}

/**
 * How a file's voxels are walked in canonical order.
 *
 * @param step along the file's axes, when only every n-th voxel was kept; `header` describes what was kept.
 */
export function canonicalView(header: Pick<NiftiHeader, 'size' | 'affine'>, step: Vec3 = [1, 1, 1]): CanonicalView {
  const { size, affine } = header;
  const orientation = orientationOf(affine);
  const fileStrides = [1, size[0], size[0] * size[1]] as const;
  const order = [0, 1, 2].map((axis) => orientation.axis.indexOf(axis));
  const flipped = order.map((fileAxis) => orientation.sign[fileAxis]! < 0);
  const toFile = new Float64Array(16);
  toFile[15] = 1;
  let origin = 0;
  const strides = order.map((fileAxis, axis) => {
    const back = flipped[axis]!;
    toFile[fileAxis * 4 + axis] = back ? -1 : 1;
    if (back) {
      toFile[fileAxis * 4 + 3] = size[fileAxis]! - 1;
      origin += (size[fileAxis]! - 1) * fileStrides[fileAxis]!;
    }
    return (back ? -1 : 1) * fileStrides[fileAxis]!;
  });
  return {
    grid: {
      size: mapAxes((axis) => size[order[axis]!]!),
      affine: [...composeAffine(affine, toFile)],
    },
    storage: { axis: order as unknown as Vec3, flipped: flipped as unknown as VoxelStorage['flipped'], step },
    origin,
    strides: strides as unknown as Vec3,
    length: voxelCount(size),
  };
}

/** An array of the same type, of another length, in a buffer of its own. */
export function arrayLike<T extends Voxels>(model: T, length: number): T {
  return new (model.constructor as new (length: number) => T)(length);
}

/** One slice of a channel, copied out of the file's order. */
export function extractSlice(voxels: Voxels, view: CanonicalView, channel: number, plane: Plane, index: number): Slice {
  const [across, down] = axesOf(plane);
  const [width, height] = [view.grid.size[across]!, view.grid.size[down]!];
  const [step, row] = [view.strides[across]!, view.strides[down]!];
  const start = channel * view.length + view.origin + index * view.strides[plane];
  const data = arrayLike(voxels, width * height);
  for (let y = 0, to = 0; y < height; y++) {
    let from = start + y * row;
    for (let x = 0; x < width; x++, from += step) data[to++] = voxels[from]!;
  }
  return { index, width, height, data };
}

/** A slice of another grid through this volume. */
export interface SliceTarget {
  readonly grid: Grid;
  readonly plane: Plane;
  readonly index: number;
}

/** Calls `put` for each pixel with its place in this volume, in fractional canonical voxels. */
function walkSlice(view: CanonicalView, target: SliceTarget, put: (i: number, j: number, k: number) => void): void {
  const { grid, plane, index } = target;
  const toHere = composeAffine(invertAffine(matrix(view.grid)), matrix(grid));
  const [across, down] = axesOf(plane);
  const [width, height] = [grid.size[across]!, grid.size[down]!];
  const at = (row: number, x: number, y: number): number =>
    toHere[row * 4 + across]! * x +
    toHere[row * 4 + down]! * y +
    toHere[row * 4 + plane]! * index +
    toHere[row * 4 + 3]!;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) put(at(0, x, y), at(1, x, y), at(2, x, y));
}

function sliceOf<T extends Voxels>({ grid, plane, index }: SliceTarget, model: T): Slice & { data: T } {
  const [across, down] = axesOf(plane);
  const [width, height] = [grid.size[across]!, grid.size[down]!];
  return { index, width, height, data: arrayLike(model, width * height) };
}

/** A slice of another grid, each pixel the nearest voxel of this volume, 0 where there is none. */
export function sampleNearest(voxels: Voxels, view: CanonicalView, channel: number, target: SliceTarget): Slice {
  const slice = sliceOf(target, voxels);
  const [nx, ny, nz] = view.grid.size;
  const [sx, sy, sz] = view.strides;
  const base = channel * view.length + view.origin;
  let to = 0;
  walkSlice(view, target, (x, y, z) => {
    const [i, j, k] = [Math.round(x), Math.round(y), Math.round(z)];
    const inside = i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz;
    slice.data[to++] = inside ? voxels[base + i * sx + j * sy + k * sz]! : 0;
  });
  return slice;
}

/** A slice of another grid, interpolated linearly between the voxels of this volume; NaN outside of it. */
export function sampleLinear(voxels: Voxels, view: CanonicalView, channel: number, target: SliceTarget): Slice {
  const slice = sliceOf(target, new Float32Array(0));
  const { strides } = view;
  const { size } = view.grid;
  const base = channel * view.length + view.origin;
  let to = 0;
  // Half a voxel beyond the outer centres still belongs to the volume; there the border goes on.
  const outside = (at: number, axis: number): boolean => at < -0.5 || at > size[axis]! - 0.5;
  walkSlice(view, target, (x, y, z) => {
    if (outside(x, 0) || outside(y, 1) || outside(z, 2)) {
      slice.data[to++] = Number.NaN;
      return;
    }
    let sum = 0;
    for (let corner = 0; corner < 8; corner++) {
      let [weight, from] = [1, base];
      for (let axis = 0; axis < 3; axis++) {
        const at = axis === 0 ? x : axis === 1 ? y : z;
        const low = Math.floor(at);
        const upper = (corner >> axis) & 1;
        weight *= upper ? at - low : 1 - (at - low);
        from += Math.min(size[axis]! - 1, Math.max(0, low + upper)) * strides[axis]!;
      }
      if (weight > 0) sum += weight * voxels[from]!;
    }
    slice.data[to++] = sum;
  });
  return slice;
}

/** Whether two grids have the same voxels, to a twentieth of a millimetre. */
export function coincide(a: Grid, b: Grid): boolean {
  return a.size.every((n, axis) => n === b.size[axis]) && sameGrid(matrix(a), matrix(b), a.size, 0.05);
}

function matrix(grid: Grid): Affine {
  return Float64Array.from(grid.affine);
}
