import type { Grid, Plane, Slice, Storage, Triple, Voxels } from '../../../protocol/volume';
import { composeAffine, invertAffine, orientationOf, sameGrid, type Affine, type NiftiHeader } from '../../../volume';

/** Voxels in the file's order, with the steps along the canonical axes (protocol/volume.ts says which they are). */
export interface CanonicalView {
  readonly grid: Grid;
  readonly storage: Storage;
  /** Position of canonical voxel (0, 0, 0) in the array of one channel. */
  readonly origin: number;
  readonly strides: Triple;
  /** Voxels of one channel. */
  readonly length: number;
}

/** How a file's voxels are walked in canonical order. */
export function canonicalView(header: Pick<NiftiHeader, 'size' | 'affine'>): CanonicalView {
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
      size: order.map((fileAxis) => size[fileAxis]!) as unknown as Triple,
      affine: [...composeAffine(affine, toFile)],
    },
    storage: { axis: order as unknown as Triple, flipped: flipped as unknown as Storage['flipped'] },
    origin,
    strides: strides as unknown as Triple,
    length: size[0] * size[1] * size[2],
  };
}

/** An array of the same type, of another length, in a buffer of its own. */
export function arrayLike<T extends Voxels>(model: T, length: number): T {
  return new (model.constructor as new (length: number) => T)(length);
}

/** The two canonical axes that lie in a plane: along a row, and from row to row. */
export function axesOf(plane: Plane): readonly [number, number] {
  return plane === 0 ? [1, 2] : plane === 1 ? [0, 2] : [0, 1];
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

/** A slice of another grid, each pixel the nearest voxel of this volume, `outside` where there is none. */
export function sampleSlice(
  voxels: Voxels,
  view: CanonicalView,
  channel: number,
  target: Grid,
  plane: Plane,
  index: number,
  outside: number,
): Slice {
  const toHere = composeAffine(invertAffine(matrix(view.grid)), matrix(target));
  const [across, down] = axesOf(plane);
  const [width, height] = [target.size[across]!, target.size[down]!];
  const data = arrayLike(voxels, width * height);
  const [nx, ny, nz] = view.grid.size;
  const [sx, sy, sz] = view.strides;
  const base = channel * view.length + view.origin;
  const at = (row: number, x: number, y: number): number =>
    toHere[row * 4 + across]! * x +
    toHere[row * 4 + down]! * y +
    toHere[row * 4 + plane]! * index +
    toHere[row * 4 + 3]!;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to++) {
      const [i, j, k] = [Math.round(at(0, x, y)), Math.round(at(1, x, y)), Math.round(at(2, x, y))];
      const inside = i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz;
      data[to] = inside ? voxels[base + i * sx + j * sy + k * sz]! : outside;
    }
  }
  return { index, width, height, data };
}

/** Whether two grids have the same voxels, to a twentieth of a millimetre. */
export function coincide(a: Grid, b: Grid): boolean {
  return a.size.every((n, axis) => n === b.size[axis]) && sameGrid(matrix(a), matrix(b), a.size, 0.05);
}

function matrix(grid: Grid): Affine {
  return Float64Array.from(grid.affine);
}
