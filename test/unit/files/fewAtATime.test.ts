import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fewAtATime } from '../../../src/files/fewAtATime';

test('a few files are open at a time, and the results stand in order', async () => {
  const items = Array.from({ length: 100 }, (_, i) => i);
  let [open, most] = [0, 0];
  const found = await fewAtATime(items, async (item) => {
    most = Math.max(most, ++open);
    // Later items are done earlier.
    await sleep((100 - item) / 20);
    open -= 1;
    return 2 * item;
  });
  expect(found).toEqual(items.map((item) => 2 * item));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
});

test('an error of one item is the error of all', async () => {
  const work = async (item: number): Promise<number> => {
    if (item === 7) throw new RangeError('seven');
    return item;
  };
  await expect(fewAtATime([1, 7, 3], work)).rejects.toThrow('seven');
  expect(await fewAtATime([], work)).toEqual([]);
});
