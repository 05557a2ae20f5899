import { expect } from 'vitest';
import { run } from '../campaign/hostile.mjs';
import { builtProgram, needs } from '../support/needs';

/** The short form of `node test/campaign/hostile.mjs`, which asserts outcomes and no seconds. */
needs(builtProgram).test(
  'hostile files of every format take no gigabytes, run nothing, and are refused in a line',
  async () => {
    const result = await run({ count: 60, seed: 2, limit: 240_000 });
    expect(result.faults).toEqual([]);
    expect(result.read + result.refused).toBe(60);
    expect(result.refused).toBeGreaterThan(20);
  },
);
