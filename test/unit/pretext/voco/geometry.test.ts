import { boxAround, type Vec3 } from '../../../../src/geometry';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../../src/random/random';
import {
  baseBoxes,
  centreRange,
  createCropGrid,
  drawCentre,
  positionLabel,
} from '../../../../src/pretext/voco/geometry';

describe('crop grid', () => {
  it('lists base boxes with x slowest and z fastest', () => {
    const boxes = baseBoxes(createCropGrid([2, 3, 2], [4, 5, 6], [8, 15, 12]));
    expect(boxes).toHaveLength(12);
    expect(boxes.map((box) => box.start).slice(0, 4)).toEqual([
      [0, 0, 0],
      [0, 0, 6],
      [0, 5, 0],
      [0, 5, 6],
    ]);
    expect(boxes[(1 * 3 + 2) * 2 + 1]!.start).toEqual([4, 10, 6]);
  });

  it('centres a grid that is smaller than the volume', () => {
    expect(createCropGrid([2, 2, 1], [10, 10, 10], [23, 20, 15]).origin).toEqual([1, 0, 2]);
  });

  it('says along which axis a grid does not fit', () => {
    expect(() => createCropGrid([4, 4, 1], [96, 96, 96], [384, 380, 96])).toThrow(
      /4 crops of 96 voxels need 384 voxels along y, but the preprocessed volume has 380/,
    );
    expect(() => createCropGrid([0, 4, 1], [96, 96, 96], [384, 384, 96])).toThrow(/grid \[0, 4, 1\]/);
    expect(() => createCropGrid([1, 1, 1], [1.5, 2, 2], [4, 4, 4])).toThrow(/crop \[1.5, 2, 2\]/);
  });

  const grids: [Vec3, Vec3, Vec3][] = [
    [
      [4, 4, 1],
      [96, 96, 96],
      [384, 384, 96],
    ],
    [
      [3, 3, 1],
      [64, 64, 64],
      [192, 192, 64],
    ],
    [
      [2, 3, 2],
      [7, 9, 5],
      [16, 27, 11],
    ],
    [
      [1, 1, 1],
      [5, 5, 5],
      [6, 5, 5],
    ],
  ];
  it.each(grids)('random crops of grid %j stay inside it and their labels sum to 1', (counts, crop, volume) => {
    const grid = createCropGrid(counts, crop, volume);
    const { low, high } = centreRange(grid);
    for (let draw = 0; draw < 300; draw++) {
      const centre = drawCentre(grid, new RandomStream(1, draw));
      const box = boxAround(centre, grid.crop);
      for (const axis of [0, 1, 2] as const) {
        expect(centre[axis]).toBeGreaterThanOrEqual(low[axis]);
        expect(centre[axis]).toBeLessThan(high[axis]);
        expect(box.start[axis]).toBeGreaterThanOrEqual(grid.origin[axis]);
        expect(box.start[axis] + crop[axis]).toBeLessThanOrEqual(grid.origin[axis] + counts[axis] * crop[axis]);
      }
      const label = positionLabel(box, grid);
      expect(label.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    }
  });

  it('agrees with counting voxels', () => {
    const grid = createCropGrid([2, 2, 2], [4, 3, 5], [8, 6, 10]);
    const box = boxAround([3, 3, 4], [4, 3, 5]);
    const counted = baseBoxes(grid).map((base) => {
      let inside = 0;
      for (let x = 0; x < 4; x++)
        for (let y = 0; y < 3; y++)
          for (let z = 0; z < 5; z++) {
            const at = [box.start[0] + x, box.start[1] + y, box.start[2] + z];
            if (at.every((value, a) => value >= base.start[a]! && value < base.start[a]! + base.size[a]!)) inside++;
          }
      return inside / 60;
    });
    expect([...positionLabel(box, grid)]).toEqual(counted);
  });

  it('labels each base crop as itself', () => {
    const grid = createCropGrid([3, 2, 2], [4, 4, 4], [12, 8, 8]);
    baseBoxes(grid).forEach((box, i) => {
      const label = positionLabel(box, grid);
      expect(label[i]).toBe(1);
      expect(label.filter((value) => value > 0)).toHaveLength(1);
    });
  });
});
