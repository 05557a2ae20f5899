import { boxEnd } from '../../../src/geometry';
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src/random/random';
import {
  cropBox,
  cropForeground,
  finiteRange,
  normalizeIntensity,
  orient,
  preprocess,
  resampleToSpacing,
  resize,
  scaleIntensityRange,
  scalePercentiles,
  type PreprocessSettings,
  type Volume,
  type VoxelArray,
} from '../../../src/volume';
import { foregroundBox } from '../../../src/volume/transforms/cropForeground';
import { scaleOne, unscaledThreshold } from '../../../src/volume/layout/scaling';

const stream = new RandomStream(11);
const pick = <T>(all: readonly T[]): T => all[stream.integer(0, all.length)]!;
const size = (most: number): [number, number, number] =>
  [1, 1, 1].map((least) => least + stream.integer(0, most)) as never;

const KINDS = [Int16Array, Uint8Array, Float32Array, Int32Array, Float64Array];

/** Half of it air, so that there is something to cut. */
function randomVolume(shape: Volume['shape'], Kind: (typeof KINDS)[number]): Volume {
  const length = shape.reduce((a, b) => a * b, 1);
  const data: VoxelArray = new Kind(length);
  const large = Kind === Int32Array || Kind === Float64Array ? 1e9 : 1;
  for (let i = 0; i < length; i++) data[i] = stream.range(0, 1) < 0.6 ? 0 : stream.range(-100, 250) * large;
  const affine = Float64Array.of(0, -1.5, 0, 9, 0.7, 0, 0, -4, 0, 0, 2, 1, 0, 0, 0, 1);
  return { data, shape, affine };
}

function randomSettings(): PreprocessSettings {
  const window = {
    low: pick([-90, 0, 10]),
    high: pick([100, 240]),
    to: pick([
      [0, 1],
      [1, -1],
    ] as const),
    clip: pick([true, false]),
  };
  return {
    orientation: pick([null, 'RAS', 'SPL']),
    spacing: pick([null, null, [1, 1.2, 1.5]] as const),
    intensity: pick([
      null,
      { kind: 'window', ...window },
      { kind: 'zscore', nonzero: pick([true, false]) },
      { kind: 'percentile', low: 10, high: 80, to: window.to, clip: window.clip, nonzero: pick([true, false]) },
    ]),
    foreground: pick([null, { threshold: pick([-0.2, 0, 0.3, 'nonzero'] as const) }]),
    resize: pick([null, size(16)]),
  };
}

/** The steps one by one, with whole volumes in between. */
function stepByStep(volume: Volume, settings: PreprocessSettings): { volume: Volume; ranges: [number, number][] } {
  const { orientation, spacing, intensity, foreground, resize: to } = settings;
  const ranges = [finiteRange(volume.data)];
  let current = volume;
  const step = (next: Volume): void => {
    current = next;
    ranges.push(finiteRange(next.data));
  };
  if (orientation) step(orient(current, orientation));
  if (spacing) step(resampleToSpacing(current, spacing, 'linear'));
  // Of what is stored, turned and resampled: |v| > 0.
  const nonzeroBox = foregroundBox({ ...current, data: Float64Array.from(current.data, Math.abs) }, 0);
  if (intensity?.kind === 'window') step(scaleIntensityRange(current, intensity));
  if (intensity?.kind === 'zscore') step(normalizeIntensity(current, intensity));
  if (intensity?.kind === 'percentile') step(scalePercentiles(current, intensity));
  if (foreground?.threshold === 'nonzero') step(cropBox(current, nonzeroBox));
  else if (foreground) step(cropForeground(current, foreground.threshold).volume);
  if (to) step(resize(current, to, { mode: 'linear' }));
  return { volume: current, ranges };
}

describe('steps that are worked out together', () => {
  it('give the numbers, the grid and the ranges of the steps one by one', () => {
    let compared = 0;
    for (let turn = 0; turn < 300; turn++) {
      // Now and then large enough for the table of int16 levels.
      const shape = turn % 50 === 0 ? ([1, 40, 50, 40] as const) : ([pick([1, 1, 2]), ...size(11)] as const);
      const volume = randomVolume(shape, turn % 50 === 0 ? Int16Array : pick(KINDS));
      const settings = randomSettings();
      let expected: ReturnType<typeof stepByStep>;
      try {
        expected = stepByStep(volume, settings);
      } catch {
        expect(() => preprocess(volume, settings)).toThrow();
        continue;
      }
      if (expected.volume.data.length === 0) continue;
      const found = preprocess(volume, settings, { trace: true });
      expect(found.volume.shape).toEqual(expected.volume.shape);
      expect([...found.volume.affine]).toEqual([...expected.volume.affine]);
      expect(found.volume.data.constructor).toBe(expected.volume.data.constructor);
      expect(Buffer.compare(bytesOf(found.volume), bytesOf(expected.volume))).toBe(0);
      expect(found.trace!.map(({ range }) => [...range])).toEqual(expected.ranges);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(200);
  });

  it('finds the box of all channels wherever the foreground lies', () => {
    for (let turn = 0; turn < 200; turn++) {
      const shape = [pick([1, 2]), ...size(9)] as const;
      const data = new Int16Array(shape.reduce((a, b) => a * b, 1));
      const spots = 1 + stream.integer(0, 4);
      const places = Array.from({ length: spots }, () => stream.integer(0, data.length));
      for (const place of places) data[place] = 100;
      const [, , ny, nz] = shape;
      const points = places.map((place) => [
        Math.floor(place / (ny * nz)) % shape[1],
        Math.floor(place / nz) % ny,
        place % nz,
      ]);
      const { box } = cropForeground(
        { data, shape, affine: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1) },
        50,
      );
      expect(box.start).toEqual([0, 1, 2].map((k) => Math.min(...points.map((point) => point[k]!))));
      expect(boxEnd(box)).toEqual([0, 1, 2].map((k) => Math.max(...points.map((point) => point[k]!)) + 1));
    }
  });

  it('compares numbers before they are scaled as after', () => {
    for (let turn = 0; turn < 200; turn++) {
      const scaling = {
        subtract: stream.range(-500, 500),
        divide: stream.range(0.1, 900),
        multiply: stream.range(0.1, 3),
        add: stream.range(-1, 1),
        least: pick([0, -Infinity]),
        most: pick([1, Infinity]),
        keepZero: false,
      };
      const threshold = pick([-2, 0, 0.3, 1, 5]);
      const before = unscaledThreshold(scaling, threshold)!;
      const near = Number.isFinite(before) ? [before, before * (1 + 1e-15), before * (1 - 1e-15)] : [];
      for (const value of [...near, ...Array.from({ length: 40 }, () => stream.integer(0, 3000) - 1500)])
        expect(value > before).toBe(scaleOne(value, scaling) > threshold);
    }
    expect(
      unscaledThreshold({ subtract: 0, divide: 1, multiply: -1, add: 0, least: 0, most: 1, keepZero: false }, 0),
    ).toBeUndefined();
  });
});

function bytesOf({ data }: Volume): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
