import { expect, it } from 'vitest';
import { fitting } from '../../quick.mjs';

it('quick tests are the short ones, as many as fit; one that was never timed is taken for a short one', () => {
  const times = { a: 60_000, b: 1000, c: 30_000, d: 90_000 };
  expect(fitting(['a', 'b', 'c', 'd', 'new'], times, 100_000)).toEqual({ run: ['b', 'new', 'c', 'a'], left: ['d'] });
  expect(fitting(['b', 'new'], times)).toEqual({ run: ['b', 'new'], left: [] });
  expect(fitting([], times)).toEqual({ run: [], left: [] });
});

it('one file runs, however long it takes', () => {
  expect(fitting(['d', 'a'], { a: 200_000, d: 300_000 }, 100_000)).toEqual({ run: ['a'], left: ['d'] });
});
