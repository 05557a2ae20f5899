import { mapAxes, mapVec3, type Vec3, axesOf } from '../../src/geometry';
import type { Grid, Plane, VoxelStorage } from '../../src/protocol/volume';

export const PLANES: readonly { readonly plane: Plane; readonly name: string }[] = [
  { plane: 2, name: 'Axial' },
  { plane: 1, name: 'Coronal' },
  { plane: 0, name: 'Sagittal' },
];

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

export function spacingOf(grid: Grid): Vec3 {
  const a = grid.affine;
  return mapAxes((axis) => Math.hypot(a[axis]!, a[4 + axis]!, a[8 + axis]!));
}

/** The volume of a voxel in mm³, of axes at any angle. */
export function voxelVolume(grid: Grid): number {
  const [a, b, c, , d, e, f, , g, h, i] = grid.affine as number[];
  return Math.abs(a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!));
}

/** Millimetres (RAS+) of a canonical index. */
export function toWorld(grid: Grid, index: Vec3): Vec3 {
  const a = grid.affine;
  return [0, 4, 8].map(
    (row) => a[row]! * index[0] + a[row + 1]! * index[1] + a[row + 2]! * index[2] + a[row + 3]!,
  ) as unknown as Vec3;
}

/** Canonical index (fractional) of a place in millimetres: the inverse by Cramer's rule. */
export function toIndex(grid: Grid, world: Vec3): Vec3 {
  const a = grid.affine;
  const column = (axis: number): Vec3 => [a[axis]!, a[4 + axis]!, a[8 + axis]!];
  const [x, y, z] = [column(0), column(1), column(2)];
  const moved = mapVec3(world, (mm, row) => mm - a[row * 4 + 3]!);
  const whole = determinant(x, y, z);
  return [determinant(moved, y, z) / whole, determinant(x, moved, z) / whole, determinant(x, y, moved) / whole];
}

function determinant(a: Vec3, b: Vec3, c: Vec3): number {
  return a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1]);
}

/** The nearest voxel, inside the grid. */
export function nearestVoxel(grid: Grid, world: Vec3): Vec3 {
  return toIndex(grid, world).map((at, axis) => clamp(Math.round(at), 0, grid.size[axis]! - 1)) as unknown as Vec3;
}

/** The index in the file (i, j, k as nibabel counts) of a canonical index. */
export function fileIndex(storage: VoxelStorage, size: Vec3, index: Vec3): Vec3 {
  const at = [0, 0, 0];
  storage.axis.forEach((fileAxis, axis) => {
    at[fileAxis] = (storage.flipped[axis] ? size[axis]! - 1 - index[axis]! : index[axis]!) * storage.step[fileAxis]!;
  });
  return at as unknown as Vec3;
}

/** The inverse of {@link fileIndex}: the nearest voxel that is shown. */
export function canonicalIndex(storage: VoxelStorage, size: Vec3, voxel: Vec3): Vec3 {
  return mapVec3(storage.axis, (fileAxis, axis) => {
    const at = clamp(Math.round(voxel[fileAxis]! / storage.step[fileAxis]!), 0, size[axis]! - 1);
    return storage.flipped[axis] ? size[axis]! - 1 - at : at;
  });
}

const LETTERS = ['LR', 'PA', 'IS'] as const;

export interface Letters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/** What the edges of a plane are called. */
export function lettersOf(plane: Plane, radiological: boolean): Letters {
  const [across, up] = axesOf(plane).map((axis) => LETTERS[axis]!) as [string, string];
  const [low, high] = [across[0]!, across[1]!];
  return {
    left: radiological ? high : low,
    right: radiological ? low : high,
    bottom: up[0]!,
    top: up[1]!,
  };
}

/** A place in words: `12.5 mm R, 3.0 mm P, 40.0 mm S`. */
export function inWords(world: Vec3): string {
  return world.map((mm, axis) => `${Math.abs(mm).toFixed(1)} mm ${LETTERS[axis]![mm < 0 ? 0 : 1]}`).join(', ');
}

/** Where a slice lies on a canvas, in CSS pixels. */
export interface SliceView {
  readonly plane: Plane;
  readonly grid: Grid;
  readonly width: number;
  readonly height: number;
  readonly zoom: number;
  /** Millimetres along the canonical axes by which the middle of the view is off the middle of the volume. */
  readonly pan: Vec3;
  readonly radiological: boolean;
}

/** CSS pixels per millimetre: at zoom 1 the whole slice fits. */
export function scaleOf(view: SliceView): number {
  const spacing = spacingOf(view.grid);
  const [across, up] = axesOf(view.plane);
  const fit = Math.min(
    view.width / (view.grid.size[across]! * spacing[across]!),
    view.height / (view.grid.size[up]! * spacing[up]!),
  );
  return fit * view.zoom;
}

/** Canvas place of a position in the slice, counted in voxels: voxel n covers n − 0.5 to n + 0.5. */
export function toCanvas(view: SliceView, across: number, up: number): [number, number] {
  const spacing = spacingOf(view.grid);
  const [a, b] = axesOf(view.plane);
  const scale = scaleOf(view);
  const dx = ((across - (view.grid.size[a]! - 1) / 2) * spacing[a]! - view.pan[a]!) * scale;
  const dy = ((up - (view.grid.size[b]! - 1) / 2) * spacing[b]! - view.pan[b]!) * scale;
  return [view.width / 2 + (view.radiological ? -dx : dx), view.height / 2 - dy];
}

/** The inverse of {@link toCanvas}: fractional voxel position along the two axes of the plane. */
export function fromCanvas(view: SliceView, x: number, y: number): [number, number] {
  const spacing = spacingOf(view.grid);
  const [a, b] = axesOf(view.plane);
  const scale = scaleOf(view);
  const dx = (x - view.width / 2) * (view.radiological ? -1 : 1);
  const dy = view.height / 2 - y;
  return [
    (dx / scale + view.pan[a]!) / spacing[a]! + (view.grid.size[a]! - 1) / 2,
    (dy / scale + view.pan[b]!) / spacing[b]! + (view.grid.size[b]! - 1) / 2,
  ];
}

/** A round length for a scale bar of at most `most` pixels. */
export function scaleBar(pixelsPerMm: number, most: number): { mm: number; pixels: number } {
  const limit = most / pixelsPerMm;
  const power = 10 ** Math.floor(Math.log10(limit));
  const mm = [5, 2, 1].map((step) => step * power).find((length) => length <= limit) ?? power;
  return { mm, pixels: mm * pixelsPerMm };
}
