import { describe, expect, test } from 'vitest';
import {
  applyAffine,
  compareGrids,
  composeAffine,
  invertAffine,
  judgeLabelGrid,
  ontoGrid,
  shiftAffine,
  type Affine,
  type Grid,
  type Volume,
} from '../../../src/volume';

const affine = (...rows: number[]): Affine => Float64Array.of(...rows, 0, 0, 0, 1);
const AXES = affine(-0.8, 0, 0, 90, 0, 0.9, 0, -120, 0, 0, 2.5, 31);
const image: Grid = { size: [12, 10, 7], affine: AXES };
const moved = (x: number, y: number, z: number): Grid => ({
  ...image,
  affine: composeAffine(affine(1, 0, 0, x, 0, 1, 0, y, 0, 0, 1, z), AXES),
});

/** The grid with its axes in another order and direction, the voxels where they were. */
function reordered(grid: Grid, axis: readonly [number, number, number], flip: readonly boolean[]): Grid {
  const size = axis.map((from) => grid.size[from]!) as [number, number, number];
  const turn = new Float64Array(16);
  turn[15] = 1;
  axis.forEach((from, k) => {
    turn[from * 4 + k] = flip[k] ? -1 : 1;
    if (flip[k]) turn[from * 4 + 3] = grid.size[from]! - 1;
  });
  return { size, affine: composeAffine(grid.affine, turn) };
}

describe('grids are compared in world space', () => {
  test('a hundredth of a voxel is nothing, less than half a voxel is near, more is elsewhere', () => {
    expect(compareGrids(image, image)).toEqual({ place: 'same', distance: 0 });
    expect(compareGrids(moved(0.007, 0, 0), image).place).toBe('same');
    const near = compareGrids(moved(0.02, 0, 0), image);
    expect(near.place).toBe('near');
    expect(near.distance).toBeCloseTo(0.02, 9);
    expect(compareGrids(moved(0, 0, 1.2), image).place).toBe('near');
    expect(compareGrids(moved(0.41, 0, 0), image)).toEqual({ place: 'elsewhere', distance: expect.closeTo(0.41) });
    expect(compareGrids(moved(0, 0, 1.3), image).place).toBe('elsewhere');
  });

  test('a spacing that is slightly off adds up along the axis', () => {
    const stretched = { ...image, affine: Float64Array.from(AXES, (value, i) => (i === 0 ? value * 1.01 : value)) };
    const found = compareGrids(stretched, image);
    expect(found.place).toBe('near');
    expect(found.distance).toBeCloseTo(11 * 0.008, 9);
  });

  test('any order and direction of the axes is the same place, and is told with the turn', () => {
    for (const axis of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 0, 2],
    ] as const)
      for (const flip of [
        [true, false, true],
        [false, true, false],
      ]) {
        const label = reordered(image, axis, flip);
        const found = compareGrids(label, image);
        expect(found.place).toBe('same');
        expect(found.distance).toBeLessThan(1e-9);
        expect(found.turn).toBeDefined();
        const data = new Int32Array(12 * 10 * 7);
        const [, ny, nz] = label.size;
        // Each voxel holds its own number in the image, found by its place.
        for (let i = 0; i < data.length; i++) {
          const at = [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz] as const;
          const place = applyAffine(label.affine, at);
          const index = [(90 - place[0]) / 0.8, (place[1] + 120) / 0.9, (place[2] - 31) / 2.5].map(Math.round);
          data[i] = (index[0]! * 10 + index[1]!) * 7 + index[2]!;
        }
        const volume: Volume<Int32Array> = { data, shape: [1, ...label.size], affine: label.affine };
        const turned = ontoGrid(volume, image);
        expect(turned.shape).toEqual([1, 12, 10, 7]);
        expect(turned.affine).toEqual(AXES);
        expect([...turned.data]).toEqual([...Array(840).keys()]);
      }
  });

  test('a label in another orientation and a hair away is turned, with a warning', () => {
    const label = reordered(moved(0, 0.05, 0), [1, 2, 0], [true, true, false]);
    expect(compareGrids(label, image)).toMatchObject({ place: 'near', turn: { flip: expect.anything() } });
    expect(judgeLabelGrid(label, image, 'a.nii.gz')).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('0.05 mm'),
    });
  });

  test.each([
    ['the identity', affine(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)],
    ["ITK's identity", affine(-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0)],
    ['spacings alone', affine(0.8, 0, 0, 0, 0, 0.9, 0, 0, 0, 0, 2.5, 0)],
    ['a header without orientation', affine(-0.8, 0, 0, 4.4, 0, 0.9, 0, -4.05, 0, 0, 2.5, -7.5)],
  ])('%s on an image of the same size is no place, and the user may say whose grid is meant', (_, without) => {
    const label = { ...image, affine: without };
    expect(compareGrids(label, image)).toMatchObject({ place: 'unplaced', unplaced: 'first' });
    expect(compareGrids(image, label)).toMatchObject({ place: 'unplaced', unplaced: 'second' });
    const notice = judgeLabelGrid(label, image, 'a.nii.gz');
    expect(notice).toMatchObject({ severity: 'error', advice: expect.stringContaining('--labels-on-image-grid') });
    expect(judgeLabelGrid(label, image, 'a.nii.gz', { onImageGrid: true })).toMatchObject({ severity: 'warning' });
    const data = Uint8Array.from({ length: 840 }, (__, i) => i % 5);
    const placed = ontoGrid({ data, shape: [1, 12, 10, 7], affine: without }, image);
    expect([...placed.data]).toEqual([...data]);
    expect(placed.affine).toEqual(AXES);
  });

  test('another size is an error with both grids, whatever the user says of equal sizes', () => {
    const coarse: Grid = { size: [6, 5, 7], affine: affine(-1.6, 0, 0, 89.6, 0, 1.8, 0, -119.6, 0, 0, 2.5, 31) };
    const notice = judgeLabelGrid(coarse, image, 'img.nii.gz', { onImageGrid: true });
    expect(notice).toMatchObject({ severity: 'error', advice: expect.stringContaining('resample') });
    for (const part of ['img.nii.gz', '6×5×7 voxels of 1.6×1.8×2.5 mm', '12×10×7 voxels of 0.8×0.9×2.5 mm', 'LAS'])
      expect(notice!.message).toContain(part);
  });

  test('an array whose axes were swapped is recognised by its sizes', () => {
    const array: Grid = { size: [7, 10, 12], affine: affine(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0) };
    expect(judgeLabelGrid(array, image, 'img.nii.gz', { onImageGrid: true })).toMatchObject({
      severity: 'error',
      advice: expect.stringContaining('SimpleITK'),
    });
  });

  test('far away with the same size: an error with the distance, unless the user says otherwise', () => {
    const far = judgeLabelGrid(moved(0, 25, 0), image, 'img.nii.gz');
    expect(far).toMatchObject({ severity: 'error', message: expect.stringContaining('25 mm away') });
    expect(far!.message).toContain('(90, −95, 31)');
    expect(judgeLabelGrid(moved(0, 25, 0), image, 'img.nii.gz', { onImageGrid: true })).toMatchObject({
      severity: 'warning',
    });
  });

  test('a single slice turned along its own axis is the same grid', () => {
    const slice: Grid = { size: [12, 10, 1], affine: AXES };
    const other = reordered(slice, [0, 1, 2], [false, false, true]);
    expect(compareGrids(other, slice)).toEqual({ place: 'same', distance: 0 });
  });
});

describe('a label that was cut out of its image', () => {
  const part = (offset: readonly [number, number, number], size: readonly [number, number, number]): Grid => ({
    size,
    affine: shiftAffine(AXES, offset),
  });

  test('lies on the lattice of the image, at whole voxels to a hundredth', () => {
    expect(compareGrids(part([2, 1, 3], [5, 6, 2]), image)).toMatchObject({
      place: 'cropped',
      crop: { offset: [2, 1, 3], outside: 0 },
    });
    expect(compareGrids(part([2.008, 1, 3], [5, 6, 2]), image).crop?.offset).toEqual([2, 1, 3]);
    expect(compareGrids(part([2.02, 1, 3], [5, 6, 2]), image).place).toBe('elsewhere');
    // One percent of the spacing is 0.04 of a voxel at the far end.
    const stretched = part([2, 1, 3], [5, 6, 2]).affine.map((value, i) => (i === 0 ? value * 1.01 : value));
    expect(compareGrids({ size: [5, 6, 2], affine: stretched }, image).place).toBe('elsewhere');
  });

  test('may reach beyond the image, but not lie beside it', () => {
    expect(compareGrids(part([-2, 0, 5], [5, 10, 4]), image).crop).toMatchObject({
      offset: [-2, 0, 5],
      outside: 5 * 10 * 4 - 3 * 10 * 2,
    });
    expect(compareGrids(part([0, 0, 7], [12, 10, 4]), image).place).toBe('elsewhere');
  });

  test('is not one of the same size, of an array with swapped axes, or without a place of its own', () => {
    expect(compareGrids(part([0, 0, 2], [12, 10, 7]), image).place).toBe('elsewhere');
    expect(compareGrids(part([0, 0, 0], [7, 10, 12]), image).place).toBe('elsewhere');
    const unplaced = { size: [12, 10, 7] as const, affine: affine(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0) };
    expect(compareGrids({ ...unplaced, size: [5, 5, 5] }, unplaced).place).toBe('elsewhere');
    const inside = { size: [5, 5, 5] as const, affine: affine(1, 0, 0, 2, 0, 1, 0, 3, 0, 0, 1, 1) };
    expect(compareGrids(inside, unplaced).place).toBe('cropped');
    expect(compareGrids({ ...inside, size: [5, 8, 5] }, unplaced).place).toBe('elsewhere');
  });

  test('is brought onto the image with zeros around it, in any orientation', () => {
    for (const axis of [
      [0, 1, 2],
      [2, 0, 1],
    ] as const)
      for (const flip of [
        [false, false, false],
        [true, false, true],
      ]) {
        const grid = reordered(part([-1, 4, 2], [4, 3, 5]), axis, flip);
        const voxels = grid.size[0] * grid.size[1] * grid.size[2];
        const label: Volume = {
          data: Uint8Array.from({ length: voxels }, (_, n) => n + 1),
          shape: [1, ...grid.size],
          affine: grid.affine,
        };
        expect(compareGrids(grid, image).crop).toMatchObject({ offset: [-1, 4, 2], outside: 3 * 5 });
        const placed = ontoGrid(label, image);
        expect(placed.shape).toEqual([1, ...image.size]);
        // Every voxel of the label is found at its own place, and nothing else is there.
        const back = composeAffine(invertAffine(image.affine), grid.affine);
        let found = 0;
        for (let n = 0; n < voxels; n++) {
          const at = [Math.floor(n / (grid.size[1] * grid.size[2])), Math.floor(n / grid.size[2]) % grid.size[1], n % grid.size[2]] as const; // prettier-ignore
          const [x, y, z] = applyAffine(back, at).map(Math.round) as [number, number, number];
          if (x < 0) continue;
          found++;
          expect(placed.data[(x * 10 + y) * 7 + z]).toBe(n + 1);
        }
        expect(found).toBe(voxels - 15);
        expect([...placed.data].filter((value) => value !== 0)).toHaveLength(found);
      }
  });
});
