import { describe, expect, it } from 'vitest';
import { NO_AUGMENTATION, sampleCrop } from '../../../src/data/augment';
import { diagnose } from '../../../src/config';
import type { PositionMethod } from '../../../src/pretext/position/descriptor';
import { placedSample } from '../../../src/pretext/position/sampler';
import { baseBoxes, centreRange, gridOnVolume, positionLabel } from '../../../src/pretext/voco/geometry';
import { boxAround, voxelCount, type Vec3 } from '../../../src/geometry';
import { UserError } from '../../../src/errors/userError';
import type { Volume } from '../../../src/volume';

/** A volume whose voxels hold their places along x, in millimetres from its middle. */
function ruler(size: Vec3, spacing: Vec3): Volume<Float32Array> {
  const data = new Float32Array(voxelCount(size));
  const row = size[1] * size[2];
  for (let i = 0; i < data.length; i++) data[i] = (Math.floor(i / row) - (size[0] - 1) / 2) * spacing[0];
  const affine = Float64Array.from([spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0, 0, 0, 0, 1]);
  return { data, shape: [1, ...size], affine };
}

const places = { grid: [3, 1, 1], crop: [8, 8, 8], cropMm: [16, 16, 16] } as const;

describe('places in millimetres', () => {
  it('are at the same distances from the middle whatever voxels and field of view are', () => {
    const fine = gridOnVolume(ruler([60, 20, 20], [1, 1, 1]), places);
    const coarse = gridOnVolume(ruler([60, 10, 10], [2, 2, 2]), places);
    expect(fine.crop).toEqual([16, 16, 16]);
    expect(coarse.crop).toEqual([8, 8, 8]);
    const ends = ({ origin, crop, volume }: typeof fine, spacing: number): number[] =>
      [0, 1, 2, 3].map((i) => (origin[0] + i * crop[0] - volume[0] / 2) * spacing);
    expect(ends(fine, 1)).toEqual([-24, -8, 8, 24]);
    expect(ends(coarse, 2)).toEqual([-24, -8, 8, 24]);
  });

  it('jut out of a small volume, whose crops stay inside and have whole labels', () => {
    const grid = gridOnVolume(ruler([30, 20, 10], [1, 1, 1]), places);
    expect(grid.origin).toEqual([-9, 2, -3]);
    const { low, high } = centreRange(grid);
    for (let x = low[0]; x < high[0]; x++) {
      const box = boxAround([x, low[1], low[2]], grid.crop);
      expect(box.start[0]).toBeGreaterThanOrEqual(0);
      expect(box.start[0] + 16).toBeLessThanOrEqual(30);
      expect(positionLabel(box, grid).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    }
    // Along z the volume is shorter than a crop, which has it in its middle.
    expect(boxAround([low[0], low[1], low[2]], grid.crop).start[2]).toBe(-3);
    expect(high[2]).toBe(low[2] + 1);
  });

  it('refuse a volume that lies in one of them, and a volume that is resized', () => {
    expect(() => gridOnVolume(ruler([16, 40, 40], [1, 1, 1]), places)).toThrow(UserError);
    expect(() => gridOnVolume(ruler([16, 40, 40], [1, 1, 1]), places)).toThrow(
      /^16×40×40 mm after preprocessing, which leaves nothing to tell of 3×1×1 places of 16×16×16 mm$/,
    );
    for (const name of ['voco', 'position']) {
      const config = {
        kind: 'pretrain',
        data: { train: [{ folder: 'mri' }], preprocess: { resize: [192, 192, 64] } },
        method: { name, grid: [3, 3, 1], cropMm: [96, 96, 96] },
      };
      const errors = (one: object) => diagnose(JSON.stringify(one), 'f').filter(({ severity }) => severity === 'error');
      const said = errors(config);
      expect(said.map(({ path }) => path)).toEqual(['data.preprocess.resize']);
      expect(said[0]!.message).toMatch(
        /places in millimetres \(method.cropMm\) would mean shares again: set it to null/,
      );
      expect(errors({ ...config, data: { ...config.data, preprocess: { resize: null } } })).toEqual([]);
    }
  });

  it('give crops that show them, whatever the voxels are', () => {
    const method = {
      name: 'position',
      ...places,
      perVolume: 1,
      labels: 'hard',
      augment: {
        flip: 0,
        rotate: { prob: 0, degrees: 0 },
        zoom: { prob: 0, range: [1, 1] },
        intensity: { noise: 0, blur: 0, brightness: 0, contrast: 0, lowResolution: 0, gamma: 0 },
      },
    } as unknown as PositionMethod;
    for (const [size, spacing] of [
      [
        [64, 20, 20],
        [1, 1, 1],
      ],
      [
        [32, 10, 10],
        [2, 2, 2],
      ],
    ] as const) {
      const volume = ruler(size, spacing);
      const middle: Vec3 = [size[0] / 2, size[1] / 2, size[2] / 2];
      const { rows, box } = placedSample({ volume, stream: [1], number: 0, augment: false, centre: middle }, method);
      expect(box.size).toEqual(gridOnVolume(volume, places).crop);
      // 8 voxels over 16 mm around the middle.
      const along = Array.from({ length: 8 }, (_, i) => rows[0]!.input[i * 64 + 8 * 4 + 4]!);
      expect(along[7]! - along[0]!).toBeCloseTo(14, 4);
      expect(Array.from(rows[0]!.labels as number[])).toEqual([0, 255, 0]);
    }
  });

  it('cut base crops that lie outside of the volume as zeros', () => {
    const volume = ruler([30, 20, 10], [1, 1, 1]);
    const [first] = baseBoxes(gridOnVolume(volume, places));
    const out = new Float32Array(16 ** 3);
    sampleCrop(volume, first!.start, first!.size, first!.size, NO_AUGMENTATION, out, 0);
    const at = (x: number, y: number, z: number): number => out[(x * 16 + y) * 16 + z]!;
    expect(at(8, 8, 8)).toBe(0);
    expect(at(9, 8, 8)).toBe(-14.5);
    expect(at(9, 8, 2)).toBe(0);
    expect(at(15, 0, 12)).toBe(-8.5);
    expect(at(15, 0, 13)).toBe(0);
  });
});
