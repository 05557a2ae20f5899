import { describe, expect, test } from 'vitest';
import {
  countLabelValues,
  judgeLabelValues,
  wholeLabels,
  type KnownLabels,
  type VoxelArray,
} from '../../../src/volume';

const task: KnownLabels = { values: [1, 2], unlisted: 'error' };
const judge = (data: VoxelArray, known: KnownLabels | undefined = task) =>
  judgeLabelValues(countLabelValues(data), known);
const only = (data: VoxelArray, known?: KnownLabels) => {
  const notices = judge(data, known);
  expect(notices).toHaveLength(1);
  return notices[0]!;
};
const padded = (...values: number[]): Float32Array => Float32Array.of(...values, ...new Float32Array(50));

describe('values of a label map', () => {
  test('whole numbers of the task are fine, in any type', () => {
    expect(judge(Uint8Array.of(0, 1, 2, 2))).toEqual([]);
    expect(judge(padded(1, 2, 2))).toEqual([]);
    expect(countLabelValues(Uint8Array.of(0, 1, 2, 2, 0)).counts).toEqual(new Map([[0, 2], [1, 1], [2, 2]])); // prettier-ignore
  });

  test('within 0.05 of a whole number is rounded, with a warning', () => {
    const data = padded(1.0196, 0.99997, 2.04, -0.001);
    const notice = only(data);
    expect(notice).toMatchObject({ severity: 'warning', message: expect.stringContaining('4 voxels') });
    expect(notice.message).toContain('2.04');
    expect([...wholeLabels(data, countLabelValues(data))].slice(0, 4)).toEqual([1, 1, 2, 0]);
    const whole = Int16Array.of(0, 1);
    expect(wholeLabels(whole, countLabelValues(whole))).toBe(whole);
  });

  test('values between are an error that names some and the cause', () => {
    const notice = only(padded(0.37, 1.42, 1, 2));
    expect(notice).toMatchObject({ severity: 'error', message: expect.stringContaining('0.37 and 1.42') });
    expect(notice.advice).toContain('nearest voxel');
  });

  test.each([
    ['1.0196 to 26.51', Array.from({ length: 26 }, (_, i) => (i + 1) * 1.0196), '1.0196'],
    ['all below 0.05', [1 / 255, 2 / 255, 3 / 255], '0.0039'],
  ])('scaled labels (%s) are not rounded away', (_, values, factor) => {
    expect(only(padded(...values))).toMatchObject({ severity: 'error', message: expect.stringContaining(factor) });
  });

  test('a probability map is called so', () => {
    const data = Float32Array.from({ length: 500 }, (_, i) => (i / 500) ** 2);
    expect(only(data)).toMatchObject({ severity: 'error', message: expect.stringContaining('probability') });
  });

  test.each([
    ['a CT', Int16Array.from({ length: 9000 }, (_, i) => -1072 + ((i * 37) % 2500))],
    ['a small CT', Int16Array.from({ length: 300 }, (_, i) => -1072 + i)],
    ['an MR of floats', Float32Array.from({ length: 9000 }, (_, i) => Math.abs(Math.sin(i)) * 900)],
    ['an image of bytes', Uint8Array.from({ length: 4000 }, (_, i) => (i * 7) % 256)],
    ['z-scores', Float32Array.from({ length: 9000 }, (_, i) => 4 * Math.sin(i))],
  ])('%s is called an image', (_, data) => {
    expect(only(data)).toMatchObject({ severity: 'error', message: expect.stringContaining('is an image') });
  });

  test('values of no class are listed with their voxels, unless they are background or left out', () => {
    const data = Uint8Array.of(0, 1, 77, 77, 99);
    expect(only(data)).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('77 (2 voxels) and 99 (1 voxel)'),
    });
    expect(only(data, { ...task, unlisted: 'background' })).toMatchObject({ severity: 'info' });
    expect(only(data, { ...task, ignore: 99 }).message).not.toContain('99');
    expect(judge(Int16Array.of(0, 1, -1), { ...task, ignore: -1 })).toEqual([]);
  });

  test('nothing but background, or nothing but what is left out, is told', () => {
    expect(only(new Uint8Array(20))).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('no voxel'),
    });
    expect(only(Uint8Array.of(0, 9), { ...task, ignore: 9 })).toMatchObject({ severity: 'warning' });
    expect(judge(new Uint8Array(0))).toHaveLength(1);
  });

  test('NaN is an error', () => {
    expect(only(padded(1, NaN, Infinity))).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('2 voxels'),
    });
  });

  test('without a task any whole number from 0 is a label, 117 classes or sparse ones too', () => {
    expect(judgeLabelValues(countLabelValues(Uint16Array.of(0, 11101, 14175)))).toEqual([]);
    expect(judgeLabelValues(countLabelValues(Uint8Array.from({ length: 118 }, (_, i) => i)))).toEqual([]);
    expect(judgeLabelValues(countLabelValues(Int16Array.of(0, -3)))).toMatchObject([{ severity: 'error' }]);
  });
});
