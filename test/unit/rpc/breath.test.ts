import { describe, expect, test } from 'vitest';
import { distanceInPieces, distanceTo } from '../../../src/metrics/distanceTransform';
import { atOnce, breathe, givingWay, type InPieces } from '../../../src/rpc/breath';

describe('long work', () => {
  function* slow(pieces: number, done: number[]): InPieces<string> {
    for (let piece = 0; piece < pieces; piece++) {
      const end = performance.now() + 110;
      while (performance.now() < end);
      done.push(piece);
      yield;
    }
    return 'whole';
  }

  test('lets an abort in between two pieces, and ends there', async () => {
    const controller = new AbortController();
    const done: number[] = [];
    setImmediate(() => controller.abort(new Error('stopped')));
    await expect(givingWay(slow(5, done), () => breathe(controller.signal))).rejects.toThrow('stopped');
    expect(done).toEqual([0]);
  });

  test('gives the same in pieces and at once', async () => {
    const size = [5, 6, 7] as const;
    const mask = Uint8Array.from({ length: 210 }, (_, i) => (i % 11 === 0 ? 1 : 0));
    const whole = distanceTo(mask, size, [1, 2, 0.5]);
    expect(await givingWay(distanceInPieces(mask, size, [1, 2, 0.5]))).toEqual(whole);
    expect(atOnce(slow(1, []))).toBe('whole');
  });
});
