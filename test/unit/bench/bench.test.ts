import { describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../../src/errors/userError';
import { countParameters, ParameterSet, type NetworkConfig } from '../../../src/nets';
import { benchAttention, benchConv, benchData, benchResEnc, benchStep } from '../../../src/bench';
import { median, time } from '../../../src/bench/measure';
import { parseCommandLine } from '../../../src/cli/command';
import { bench } from '../../../src/cli/commands/bench';
import { Projector } from '../../../src/pretext/voco/projector';
import { deviceNeed } from '../../support/backends';
import { needs } from '../../support/needs';

const options = { device: 'cpu', threads: 0, precision: 'float32', runs: 2, warmup: 1 } as const;

test('median of odd and even counts', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('warm-up runs are not counted', async () => {
  let [calls, now] = [0, 0];
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  const timing = await time({ ...options, runs: 3, warmup: 2 }, () => {
    now += [60_000, 70_000, 3000, 1000, 2000][calls++]!;
    return Promise.resolve();
  });
  clock.mockRestore();
  expect(calls).toBe(5);
  expect(timing).toEqual({ median: 2, min: 1, max: 3, runs: 3 });
});

test('convolutions and attention of every stage that the crop has', async () => {
  const shape = { featureSize: 12, size: 4, batch: 1 };
  const conv = await benchConv({ ...options, ...shape });
  expect(conv.shapes.map(({ name }) => name)).toEqual(['12→12 at 4³', '12→12 at 2³', '24→24 at 1³']);
  const attention = await benchAttention({ ...options, ...shape });
  expect(attention.shapes.map(({ name }) => name)).toEqual([
    '12 channels, 3 heads at 2³',
    '24 channels, 6 heads at 1³',
  ]);
  for (const { forward, training } of [...conv.shapes, ...attention.shapes]) {
    for (const { min, median: middle, max, runs } of [forward, training]) {
      expect(runs).toBe(2);
      expect(min).toBeGreaterThan(0);
      expect(middle).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(middle);
    }
  }
  expect(conv).toMatchObject({ bench: 'conv', device: 'cpu', precision: 'float32' });
});

test('loading is timed volume by volume: from files, then from memory', async () => {
  const result = await benchData({ cases: 2, volume: [48, 48, 32], workers: 0, runs: 2 });
  expect(result.first.runs).toBe(2);
  expect(result.cached.runs).toBe(4);
  expect(result.cropsPerVolume).toBe(18);
});

needs(await deviceNeed('onednn')).test('a step of the residual encoder U-Net', async () => {
  const result = await benchResEnc({ ...options, device: 'onednn', runs: 1, featureSize: 1, size: 64, batch: 1 });
  const config: NetworkConfig = { name: 'resenc-unet', features: [1, 2, 4, 8, 10] };
  expect(result).toMatchObject({ bench: 'resenc', parameters: countParameters(config, 1), size: 64, batch: 1 });
  expect(result.secondsPerCrop.median).toBeGreaterThan(0);
  expect(result.gigaflops).toBeGreaterThan(0);
});

describe('the training step', async () => {
  needs(await deviceNeed('onednn')).test('runs, and counts its parameters', async () => {
    const step = { featureSize: 12, size: 64, batch: 2, hidden: 16 };
    const result = await benchStep({ ...options, device: 'onednn', runs: 1, warmup: 0, ...step });
    expect(result.secondsPerCrop.median).toBeGreaterThan(0);
    expect(result.peakBytes).toBeGreaterThan(1e8);
    expect(result.device).toBe('onednn');
  });

  test('has the size of the peer’s network', () => {
    const config: NetworkConfig = { name: 'swin-unetr', featureSize: 48, useV2: true };
    const projection = new ParameterSet({ seed: 0, describeOnly: true });
    new Projector(projection, 24 * 48, { hidden: 2048, out: 2048 });
    expect(countParameters(config) + projection.count).toBe(63_918_194);
  });
});

describe('voco bench', () => {
  const run = (...args: string[]) => bench.run(parseCommandLine(bench, args));

  test.each([
    [['stepp'], /did you mean step/],
    [[], /name one of step, resenc, attention/],
    [['step', 'conv'], /name one of/],
    [['step', '--precision', 'fp8'], /float32, bf16, float16/],
    [['step', '--batch', '1'], /at least 2/],
    [['conv', '--runs', '0'], /--runs must be a whole number of at least 1/],
  ])('refuses %s', async (args, message) => {
    const failure = await run(...args).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect((failure as Error).message).toMatch(message);
  });
});
