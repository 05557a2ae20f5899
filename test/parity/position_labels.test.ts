import { boxAround, type Vec3 } from '../../src/geometry';
import { expect, it } from 'vitest';
import { argumentsIn, withFixtures } from '../support/fixtures';
import { centreRange, createCropGrid, positionLabel } from '../../src/pretext/voco/geometry';

interface Arguments {
  roi: number;
  base_roi: number;
  max_roi: number;
  num_crops: number;
}
interface Case {
  center_x: number;
  center_y: number;
  labels: number[];
  sum?: number;
  args?: Arguments;
  randint_low_high?: number[][];
}
interface Fixture {
  /** Starts with the call whose labels the cases have. */
  what: string;
  randint_calls_low_high: number[][];
  cases: Case[];
  other_arguments: (Case & { args: Arguments; randint_low_high: number[][] })[];
}

/** The grid whose base crops tile the given extent, as the released code lays them from 0 whatever the volume's size. */
function gridOf(a: Arguments, extent = a.max_roi) {
  return createCropGrid([a.num_crops, a.num_crops, 1], [a.base_roi, a.base_roi, a.roi], [extent, extent, a.roi]);
}

function labelOf(item: Case, a: Arguments): Float64Array {
  const centre: Vec3 = [item.center_x, item.center_y, Math.floor(a.roi / 2)];
  return positionLabel(boxAround(centre, [a.roi, a.roi, a.roi]), gridOf(a, a.num_crops * a.base_roi));
}

withFixtures<[Fixture]>('position labels of the released code', ['position_labels.json'], (fixture) => {
  const reference = argumentsIn(fixture.what) as unknown as Arguments;

  it.each(fixture.cases)('centre $center_x, $center_y', (item) => {
    const label = labelOf(item, reference);
    expect(label).toHaveLength(item.labels.length);
    item.labels.forEach((expected, i) => expect(Math.abs(label[i]! - expected)).toBeLessThanOrEqual(1e-12));
    expect(label.reduce((sum, value) => sum + value, 0)).toBeCloseTo(item.sum!, 12);
  });

  it.each(fixture.other_arguments)('crop $args.roi, base $args.base_roi, volume $args.max_roi', (item) => {
    // For odd crops the released code measures a box one voxel narrower, and divides by the area of the whole crop.
    const { roi } = item.args;
    const measured = roi - (roi % 2);
    const label = labelOf(item, { ...item.args, roi: measured });
    const part = (measured / roi) ** 2;
    item.labels.forEach((expected, i) => expect(Math.abs(label[i]! * part - expected)).toBeLessThanOrEqual(1e-11));
    // Ours covers the whole crop: all of it where it lies in one base crop.
    const whole = labelOf(item, item.args);
    if (whole.filter((value) => value > 0).length > 1) return;
    item.labels.forEach((expected, i) => expect(Math.abs(whole[i]! * part - expected)).toBeLessThanOrEqual(1e-11));
  });

  it('draws centres from the same range', () => {
    const { low, high } = centreRange(gridOf(reference));
    expect([
      [low[0], high[0]],
      [low[1], high[1]],
    ]).toEqual(fixture.randint_calls_low_high);
    for (const item of fixture.other_arguments) {
      if (item.args.roi !== item.args.base_roi) continue;
      const range = centreRange(gridOf(item.args));
      expect([
        [range.low[0], range.high[0]],
        [range.low[1], range.high[1]],
      ]).toEqual(item.randint_low_high);
    }
  });
});
