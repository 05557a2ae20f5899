import { boxAround, type Vec3 } from '../../src/geometry';
import { expect, it } from 'vitest';
import { withFixtures } from '../support/fixtures';
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

function gridOf(a: Arguments) {
  return createCropGrid([a.num_crops, a.num_crops, 1], [a.base_roi, a.base_roi, a.roi], [a.max_roi, a.max_roi, a.roi]);
}

function labelOf(item: Case, a: Arguments): Float64Array {
  const centre: Vec3 = [item.center_x, item.center_y, Math.floor(a.roi / 2)];
  return positionLabel(boxAround(centre, [a.roi, a.roi, a.roi]), gridOf(a));
}

/** The arguments in a call such as `f(roi=96, base_roi=96)`. */
function argumentsOf(call: string): Arguments {
  const entries = [...call.matchAll(/(\w+)=(\d+)/g)].map(([, name, value]) => [name, Number(value)]);
  return Object.fromEntries(entries) as Arguments;
}

withFixtures<[Fixture]>('position labels of the released code', ['position_labels.json'], (fixture) => {
  const reference = argumentsOf(fixture.what);

  it.each(fixture.cases)('centre $center_x, $center_y', (item) => {
    const label = labelOf(item, reference);
    expect(label).toHaveLength(item.labels.length);
    item.labels.forEach((expected, i) => expect(Math.abs(label[i]! - expected)).toBeLessThanOrEqual(1e-12));
    expect(label.reduce((sum, value) => sum + value, 0)).toBeCloseTo(item.sum!, 12);
  });

  it.each(fixture.other_arguments)('crop $args.roi, base $args.base_roi, volume $args.max_roi', (item) => {
    const label = labelOf(item, item.args);
    // For odd crops the released code measures a box one voxel narrower; ours covers the whole crop.
    const odd = item.args.roi % 2 === 1;
    const scale = odd ? (item.args.roi / (item.args.roi - 1)) ** 2 : 1;
    item.labels.forEach((expected, i) => expect(Math.abs(label[i]! - expected * scale)).toBeLessThanOrEqual(1e-11));
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
