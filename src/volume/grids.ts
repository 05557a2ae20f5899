import { mapAxes, voxelCount, type Axis, type Vec3 } from '../geometry';
import { formatSize, significant } from '../text';
import { applyAffine, invertAffine, isInvertible, spacingOf } from './affine';
import { axisCodes } from './axcodes';
import { copyBlock, newArrayLike } from './layout/stridedCopy';
import type { Notice } from './notice';
import type { Affine, Volume, VoxelArray } from './types';

/** A voxel grid in space: voxels along each axis, and where they lie. */
export interface Grid {
  readonly size: Vec3;
  readonly affine: Affine;
}

/** Up to this share of a voxel, two grids are the same. */
const SAME = 0.01;
/** Below this share of a voxel, the voxels of two grids still correspond. */
const NEAR = 0.5;

/** How the voxel axes of one grid become those of another: axis `k` of the other is axis `axis[k]`, reversed where `flip[k]`. */
export interface AxisTurn {
  readonly axis: readonly [Axis, Axis, Axis];
  readonly flip: readonly [boolean, boolean, boolean];
}

export interface GridComparison {
  /**
   * same: voxels lie on each other; near: less than half a voxel apart; unplaced: one of the grids has no place of its own
   * (see {@link isUnplaced}) and both have the same size; elsewhere: none of these.
   */
  readonly place: 'same' | 'near' | 'unplaced' | 'elsewhere';
  /** How to turn the first grid's axes to the second's; undefined when they are the same, or the grids do not correspond. */
  readonly turn?: AxisTurn;
  /** Largest distance between corresponding voxel centres in mm; infinite when the sizes differ. */
  readonly distance: number;
  /** Which grid has no place of its own, when `place` says so. */
  readonly unplaced?: 'first' | 'second';
}

/** The grid of a volume. */
export function gridOf(volume: Pick<Volume, 'shape' | 'affine'>): Grid {
  const [, x, y, z] = volume.shape;
  return { size: [x, y, z], affine: volume.affine };
}

const ORDERS: readonly (readonly [Axis, Axis, Axis])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** All 48 ways to order and reverse axes, the one that changes nothing first. */
const TURNS: readonly AxisTurn[] = ORDERS.flatMap((axis) =>
  Array.from({ length: 8 }, (_, bits) => ({ axis, flip: [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0] as const })),
);

/** The voxel of the grid of this size that a turn brings to voxel `at`. */
function turned({ axis, flip }: AxisTurn, size: Vec3, at: Vec3): Vec3 {
  const source = [0, 0, 0];
  axis.forEach((from, k) => (source[from] = flip[k] ? size[from] - 1 - at[k]! : at[k]!));
  return [source[0]!, source[1]!, source[2]!];
}

/** Largest distance between corresponding voxel centres: in mm, and along the axes of `b` in voxels. */
function distanceUnder(turn: AxisTurn, a: Grid, b: Grid, toVoxels: Affine): { mm: number; voxels: number } {
  let [mm, voxels] = [0, 0];
  // The distance is a convex function of the voxel, so that it is largest at a corner.
  for (let corner = 0; corner < 8; corner++) {
    const at = mapAxes((axis) => ((corner >> axis) & 1 ? b.size[axis] - 1 : 0));
    const [p, q] = [applyAffine(a.affine, turned(turn, a.size, at)), applyAffine(b.affine, at)];
    mm = Math.max(mm, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
    const there = applyAffine(toVoxels, p);
    voxels = Math.max(voxels, ...there.map((index, axis) => Math.abs(index - at[axis]!)));
  }
  return { mm, voxels };
}

/**
 * Whether a grid was saved without a place: its axes run along the world's with spacing 1, or from the origin 0, as NumPy arrays
 * are saved with an identity affine; or centred on 0 with the first axis towards the left, as readers place a header without one.
 */
export function isUnplaced({ size, affine }: Grid): boolean {
  const at = (row: number, column: number): number => affine[row * 4 + column]!;
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++) if (row !== column && at(row, column) !== 0) return false;
  const origin = [0, 1, 2].every((row) => at(row, 3) === 0);
  // As nibabel places a header without sform and qform: towards left, anterior, superior, with the middle at 0.
  const centred = [0, 1, 2].every((row) => Math.abs(at(row, 3) + ((size[row]! - 1) / 2) * at(row, row)) < 1e-3);
  return origin || (centred && at(0, 0) < 0 && at(1, 1) > 0 && at(2, 2) > 0);
}

/**
 * Compares two voxel grids in world space, by the largest distance between the centres of corresponding voxels. Voxels may
 * correspond in any order and direction of the axes: a label map that was saved in another orientation lies in the same place.
 */
export function compareGrids(a: Grid, b: Grid): GridComparison {
  if (!isInvertible(a.affine) || !isInvertible(b.affine)) return { place: 'elsewhere', distance: Infinity };
  const toVoxels = invertAffine(b.affine);
  const fitting = TURNS.filter(({ axis }) => axis.every((from, k) => a.size[from] === b.size[k]));
  let best: { turn: AxisTurn; mm: number; voxels: number } | undefined;
  for (const turn of fitting) {
    const found = distanceUnder(turn, a, b, toVoxels);
    // Strictly less: of equal ways, such as along an axis of one voxel, the first changes least.
    if (!best || found.voxels < best.voxels - 1e-9) best = { turn, ...found };
    if (turn === TURNS[0] && found.voxels <= SAME) break;
  }
  if (best && best.voxels < NEAR) {
    const place = best.voxels <= SAME ? 'same' : 'near';
    return { place, distance: best.mm, ...(best.turn !== TURNS[0] && { turn: best.turn }) };
  }
  const straight = fitting[0] === TURNS[0];
  const distance = straight ? distanceUnder(TURNS[0]!, a, b, toVoxels).mm : Infinity;
  if (straight && (isUnplaced(a) || isUnplaced(b)))
    return { place: 'unplaced', distance, unplaced: isUnplaced(a) ? 'first' : 'second' };
  return { place: 'elsewhere', distance };
}

/**
 * What is to be said of where an image lies beside the first image of its case, of which it is another channel: as of a label
 * (see {@link judgeLabelGrid}), but there is nothing to choose. {@link ontoGrid} brings it there.
 */
export function judgeChannelGrid(channel: Grid, first: Grid, firstFile: string): Notice | undefined {
  const { place, distance, turn } = compareGrids(channel, first);
  if (place === 'same' && !turn) return undefined;
  if (place === 'same')
    return {
      severity: 'info',
      message: `its axes run ${axisCodes(channel.affine)}, those of ${firstFile} ${axisCodes(first.affine)}; it lies in the same place and is turned`,
      advice: 'nothing to do',
    };
  if (place === 'near')
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} off ${firstFile}, the first channel of the case, which is less than half a voxel; its grid is used`,
      advice: 'write all channels of a case with one affine',
    };
  const [own, its] = [describeGrid(channel), describeGrid(first)];
  return {
    severity: 'error',
    message: `does not lie on the voxel grid of ${firstFile}, the first channel of the case. This one: ${own}; the first: ${its}`,
    advice: 'register and resample the channels of a case to one grid',
  };
}

/** A grid in words: `64×64×40 voxels of 1×1×2.5 mm, axes RAS, first voxel at (−90, −126, −72) mm`. */
export function describeGrid({ size, affine }: Grid): string {
  const short = (value: number): string => significant(value, 4).replace('-', '−');
  const origin = [affine[3]!, affine[7]!, affine[11]!].map(short).join(', ');
  const axes = isInvertible(affine) ? `, axes ${axisCodes(affine)}` : '';
  return `${formatSize(size)} voxels of ${formatSize(spacingOf(affine).map(short))} mm${axes}, first voxel at (${origin}) mm`;
}

const mm = (distance: number): string => `${significant(distance, 2)} mm`;

/** Whether two grids cover the same stretch along each axis, in larger or smaller voxels. */
function sameExtent(a: Grid, b: Grid): boolean {
  const [p, q] = [a, b].map(({ affine }) => spacingOf(affine));
  const scaled = p!.some((step, axis) => Math.abs(step - q![axis]!) > 0.02 * q![axis]!);
  return (
    scaled && p!.every((step, k) => Math.abs(step * a.size[k]! - q![k]! * b.size[k]!) < 0.05 * q![k]! * b.size[k]!)
  );
}

/** Whether sizes are the same in another order. */
function swapped(a: Vec3, b: Vec3): boolean {
  const sorted = (size: Vec3): string => [...size].sort((p, q) => p - q).join();
  return a.join() !== b.join() && sorted(a) === sorted(b);
}

/** Whether a label is an array whose axes were swapped, saved without an affine or with that of its image. */
function hasSwappedAxes(label: Grid, image: Grid): boolean {
  const copied = label.affine.every((value, i) => Math.abs(value - image.affine[i]!) < 1e-3);
  return (copied || isUnplaced(label)) && swapped(label.size, image.size);
}

function elsewhere(label: Grid, image: Grid, imageFile: string, distance: number): Notice {
  const grids = `${describeGrid(label)}; the image: ${describeGrid(image)}`;
  if (Number.isFinite(distance))
    return {
      severity: 'error',
      message: `lies up to ${mm(distance)} away from its image ${imageFile}. The label: ${grids}`,
      advice: 'pair the label with its own image, or write it with the affine of its image',
    };
  return {
    severity: 'error',
    message: `lies on another voxel grid than its image ${imageFile}. The label: ${grids}`,
    advice: hasSwappedAxes(label, image)
      ? "its sizes are the image's in another order, as of an array whose axes were swapped (SimpleITK's arrays have z first): save it with the axes and the affine of the image"
      : sameExtent(label, image)
        ? 'resample the label to the image, with the nearest voxel'
        : 'pair the label with its own image, or resample it to the image, with the nearest voxel',
  };
}

/**
 * What is to be said of where a label map lies beside its image. Without an error, {@link ontoGrid} brings it onto the
 * image's voxels.
 *
 * @param label grid of the label map
 * @param image grid of the image
 * @param imageFile names the image in messages
 * @param onImageGrid the user says that labels of the image's size lie on its grid, whatever their affine
 * @returns undefined when both have the same grid
 */
export function judgeLabelGrid(label: Grid, image: Grid, imageFile: string, onImageGrid = false): Notice | undefined {
  const found = compareGrids(label, image);
  const { place, distance, turn } = found;
  if (place === 'near')
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} off its image ${imageFile}, which is less than half a voxel; the image's grid is used`,
      advice: 'write the label with the affine of its image',
    };
  if (place === 'same')
    return (
      turn && {
        severity: 'info',
        message: `its axes run ${axisCodes(label.affine)}, those of its image ${imageFile} ${axisCodes(image.affine)}; it lies in the same place and is turned`,
        advice: 'nothing to do',
      }
    );
  if (onImageGrid && Number.isFinite(distance))
    return {
      severity: 'warning',
      message: `lies up to ${mm(distance)} away from its image ${imageFile} by its affine; the image's grid is used for it, as asked`,
      advice: 'write the label with the affine of its image',
    };
  if (place === 'elsewhere') return elsewhere(label, image, imageFile, distance);
  const [without, which] = found.unplaced === 'first' ? ['it has', 'label'] : [`its image ${imageFile} has`, 'image'];
  return {
    severity: 'error',
    message: `${without} no place in space (its affine is the identity, or none), but the same ${formatSize(label.size)} voxels as the ${which === 'label' ? `image ${imageFile}` : 'label'}`,
    advice:
      "if both lie voxel on voxel, use the image's grid: --labels-on-image-grid, or data.labelsOnImageGrid in the config; else write the affine into the file",
  };
}

/**
 * Brings a volume onto the voxels of another grid that it corresponds to: turned where its axes run otherwise, and with the
 * affine of the grid.
 *
 * @param volume one whose grid was judged without an error, by {@link judgeLabelGrid} or {@link judgeChannelGrid}
 */
export function ontoGrid<T extends VoxelArray>(volume: Volume<T>, grid: Grid): Volume<T> {
  const { turn } = compareGrids(gridOf(volume), grid);
  const [channels, nx, ny, nz] = volume.shape;
  const placed = { shape: [channels, ...grid.size], affine: Float64Array.from(grid.affine) } as const;
  if (!turn) return { ...placed, data: volume.data };
  const size: Vec3 = [nx, ny, nz];
  const steps = [ny * nz, nz, 1] as const;
  const strides = turn.axis.map((from, k) => (turn.flip[k] ? -steps[from] : steps[from])) as [number, number, number];
  const start = turn.axis.reduce<number>(
    (sum, from, k) => sum + (turn.flip[k] ? (size[from] - 1) * steps[from] : 0),
    0,
  );
  const data = newArrayLike(volume.data, volume.data.length);
  const voxels = voxelCount(size);
  for (let c = 0; c < channels; c++)
    copyBlock(volume.data, { offset: c * voxels + start, strides }, grid.size, data, c * voxels);
  return { ...placed, data };
}
