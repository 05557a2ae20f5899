import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withLock } from '../../../src/runs/lock';
import { temporaryFolder } from './support';

test('what is done under one lock is done one after the other, and the lock is gone afterwards', async () => {
  const file = join(temporaryFolder(), 'x.lock');
  let inside = 0;
  const seen: number[] = [];
  const work = async () => {
    inside += 1;
    seen.push(inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(file, work)));
  expect(seen).toEqual([1, 1, 1, 1, 1]);
  expect(existsSync(file)).toBe(false);
});

test('the lock is let go when the work fails, and one that a dead process left is taken', async () => {
  const file = join(temporaryFolder(), 'x.lock');
  await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  writeFileSync(file, '');
  const old = new Date(Date.now() - 60_000);
  utimesSync(file, old, old);
  expect(await withLock(file, () => Promise.resolve(3))).toBe(3);
});

test('a lock of the future, which a clock that was set back leaves, is taken', async () => {
  const file = join(temporaryFolder(), 'claim.lock');
  writeFileSync(file, '');
  const later = new Date(Date.now() + 3_600_000);
  utimesSync(file, later, later);
  expect(await withLock(file, () => Promise.resolve(3))).toBe(3);
});
