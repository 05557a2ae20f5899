import { describe, expect, it } from 'vitest';
import {
  boxAround,
  boxBetween,
  boxEnd,
  elementCount,
  mapAxes,
  mapVec3,
  overlapAlong,
  voxelCount,
} from '../../../src/geometry';

describe('numbers along three axes', () => {
  it('come from an axis or from another vector', () => {
    expect(mapAxes((axis) => 10 * axis)).toEqual([0, 10, 20]);
    expect(mapVec3([4, 6, 9], (value, axis) => value / (axis + 1))).toEqual([4, 3, 3]);
  });

  it('count voxels and elements', () => {
    expect(voxelCount([3, 5, 7])).toBe(105);
    expect(elementCount([2, 3, 5, 7])).toBe(210);
    expect(elementCount([])).toBe(1);
  });
});

describe('a box', () => {
  it('has an end that is not part of it', () => {
    const box = boxBetween([2, 3, 4], [5, 7, 4]);
    expect(box).toEqual({ start: [2, 3, 4], size: [3, 4, 0] });
    expect(boxEnd(box)).toEqual([5, 7, 4]);
  });

  it('starts half its size, rounded down, before its centre', () => {
    expect(boxAround([10, 10, 10], [4, 5, 1])).toEqual({ start: [8, 8, 10], size: [4, 5, 1] });
  });

  it('shares voxels with another along an axis, or none', () => {
    const a = boxBetween([0, 0, 0], [10, 10, 10]);
    const b = boxBetween([7, -5, 10], [20, 3, 12]);
    expect(([0, 1, 2] as const).map((axis) => overlapAlong(axis, a, b))).toEqual([3, 3, 0]);
    expect(([0, 1, 2] as const).map((axis) => overlapAlong(axis, b, a))).toEqual([3, 3, 0]);
    expect(overlapAlong(0, boxBetween([0, 0, 0], [2, 2, 2]), b)).toBe(0);
  });
});
