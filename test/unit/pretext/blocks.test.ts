import { describe, expect, it } from 'vitest';
import { drawBlockMask, hideVoxels, voxelMask } from '../../../src/pretext/crops/blocks';
import { RandomStream } from '../../../src/random/random';

const hiddenOf = (size: readonly [number, number, number], block: number, ratio: number): number =>
  drawBlockMask(new RandomStream(3), size, block, ratio).hidden.reduce((sum, one) => sum + one, 0);

describe('hiding blocks of a crop', () => {
  it('hides as many as nnssl does', () => {
    expect(hiddenOf([64, 64, 64], 16, 0.75)).toBe(48);
    expect(hiddenOf([96, 96, 96], 16, 0.75)).toBe(162);
    expect(hiddenOf([160, 160, 160], 16, 0.75)).toBe(750);
    expect(hiddenOf([64, 64, 64], 16, 0.6)).toBe(38);
    expect(hiddenOf([64, 64, 64], 16, 0.9)).toBe(57);
  });

  it('hides at least one and never all', () => {
    expect(hiddenOf([16, 16, 32], 16, 0.01)).toBe(1);
    expect(hiddenOf([16, 16, 32], 16, 0.99)).toBe(1);
  });

  it('hides each block about equally often', () => {
    const counts = new Float64Array(8);
    for (let draw = 0; draw < 2000; draw++)
      drawBlockMask(new RandomStream(draw), [16, 16, 16], 8, 0.5).hidden.forEach((one, at) => (counts[at]! += one));
    for (const count of counts) expect(count / 2000).toBeCloseTo(0.5, 1);
  });

  it('marks whole cubes of voxels, and hides all channels of them', () => {
    const mask = { grid: [2, 1, 2], block: 2, hidden: Uint8Array.of(0, 1, 0, 0) } as const;
    const voxels = voxelMask(mask);
    expect([...voxels]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, ...new Array<number>(16).fill(0)]);
    const seen = hideVoxels(
      Float32Array.from({ length: 64 }, (_, i) => i + 1),
      voxels,
      0,
    );
    expect([...seen.subarray(2, 8)]).toEqual([3, 4, 0, 0, 0, 0]);
    expect(seen.filter((value) => value === 0)).toHaveLength(16);
  });
});
