import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../campaign/hostile.mjs';

/** The short form of `node test/campaign/hostile.mjs`, which asserts outcomes and no seconds. */
const built = existsSync(join(import.meta.dirname, '../../dist/voco.cjs'));

test.skipIf(!built)(
  'hostile files of every format take no gigabytes, run nothing, and are refused in a line',
  async () => {
    const result = await run({ count: 60, seed: 2, limit: 120_000 });
    expect(result.faults).toEqual([]);
    expect(result.read + result.refused).toBe(60);
    expect(result.refused).toBeGreaterThan(20);
  },
  300_000,
);
