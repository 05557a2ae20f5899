import type { Vec3 } from '../../src/geometry';
import { expect, it } from 'vitest';
import {
  importanceMap,
  scanInterval,
  slidingWindow,
  windowPadding,
  windowStarts,
  windowsOf,
  type ImportanceMode,
  type WindowPredictor,
} from '../../src/metrics';
import { identityAffine } from '../../src/volume';
import { nameDrawn, partsOf, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import { summaryError, type Summary } from '../support/reference';

interface Fixture {
  seed: number;
  input: string;
  /** The formula of the two channels that the predictor gives. */
  predictor: string;
  cases: {
    volume_shape: [number, number, number, number, number];
    roi: Vec3;
    overlap: number;
    mode: ImportanceMode;
    sw_batch_size: number;
    padded_size: Vec3;
    scan_interval: Vec3;
    starts_per_axis: [number[], number[], number[]];
    num_windows_per_volume: number;
    windows_first10: Vec3[];
    windows_last3: Vec3[];
    predictor_call_batches: number[];
    output: Summary;
  }[];
  importance_maps: (Summary & { count_at_min: number; roi: Vec3 })[];
  scan_starts_1d: { size: number; roi: number; overlap: number; interval: number; starts: number[] }[];
}

/** Factors of the place in the window in `x * (1 + d/16 + 2h/16 + 3w/16)`. */
function slopesOf(description: string): Vec3 {
  const term = (axis: string) => String.raw`\s*\+\s*([\d.]*)\s*\*?\s*${axis}\s*/\s*([\d.]+)`;
  const parts = partsOf(new RegExp(String.raw`x \* \(1${term('d')}${term('h')}${term('w')}\)`), description);
  const slope = (at: number) => Number(parts[at] || 1) / Number(parts[at + 1]);
  return [slope(0), slope(2), slope(4)];
}

/** Channel 0 = x · (1 + slopes · place in the window), channel 1 = x². */
function predictor(roi: Vec3, slopes: Vec3, batches: number[]): WindowPredictor {
  return (windows, count) => {
    batches.push(count);
    const out = new Float32Array(windows.length * 2);
    windows.forEach((x, i) => {
      const [d, h, w] = [Math.floor(i / (roi[1] * roi[2])) % roi[0], Math.floor(i / roi[2]) % roi[1], i % roi[2]];
      out[2 * i] = x * (1 + d * slopes[0] + h * slopes[1] + w * slopes[2]);
      out[2 * i + 1] = x * x;
    });
    return Promise.resolve(out);
  };
}

withFixtures<[Fixture]>('sliding window against MONAI', ['sliding_window.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  const slopes = slopesOf(fixture.predictor);

  it('window starts along an axis', () => {
    for (const { size, roi, overlap, interval, starts } of fixture.scan_starts_1d) {
      expect(scanInterval(size, roi, overlap)).toBe(interval);
      expect(windowStarts(size, roi, overlap)).toEqual(starts);
    }
  });

  it('importance maps', () => {
    for (const expected of fixture.importance_maps) {
      const map = importanceMap(expected.roi ?? (expected.shape as unknown as Vec3), 'gaussian');
      expect(summaryError(map, expected)).toBeLessThan(1e-6);
      const least = map.reduce((a, b) => Math.min(a, b));
      expect(map.filter((value) => value === least)).toHaveLength(expected.count_at_min);
    }
  });

  const named = fixture.cases.map((item) => {
    const { volume_shape, roi, overlap, mode } = item;
    return [`${volume_shape.join('×')} by ${roi.join('×')}, overlap ${overlap}, ${mode}`, item] as const;
  });
  it.each(named)('%s', async (_, item) => {
    const { volume_shape, roi, overlap, mode, sw_batch_size: batch } = item;
    const [volumes, , ...size] = volume_shape;
    const { padded } = windowPadding(size, roi);
    expect(padded).toEqual(item.padded_size);
    const windows = windowsOf(padded, roi, overlap);
    expect(windows).toHaveLength(item.num_windows_per_volume);
    expect(windows.slice(0, item.windows_first10.length)).toEqual(item.windows_first10);
    expect(windows.slice(-item.windows_last3.length)).toEqual(item.windows_last3);

    const voxels = size[0] * size[1] * size[2];
    const all = formula.image(nameDrawn('image', fixture.input), volume_shape);
    const out = new Float32Array(volumes * 2 * voxels);
    const batches: number[] = [];
    for (let n = 0; n < volumes; n++) {
      const data = all.slice(n * voxels, (n + 1) * voxels);
      const volume = { data, shape: [1, ...size] as const, affine: identityAffine() };
      await slidingWindow(volume, 2, predictor(roi, slopes, batches), { roi, overlap, mode, batch }, (plane, x) => {
        const area = size[1] * size[2];
        for (let i = 0; i < area; i++)
          for (const c of [0, 1]) out[(n * 2 + c) * voxels + x * area + i] = plane[2 * i + c]!;
      });
    }
    expect(summaryError(out, item.output)).toBeLessThan(1e-5);
    // MONAI's batches run on over several volumes; ours are of one.
    if (volumes === 1) expect(batches).toEqual(item.predictor_call_batches);
  });
});
