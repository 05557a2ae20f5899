import { describe, expect, it } from 'vitest';
import { cutCrop, drawSpatial, NO_SPATIAL_AUGMENTATION, type Matrix3 } from '../../../src/data/augment';
import type { Vec3 } from '../../../src/geometry';
import { RandomStream } from '../../../src/random/random';
import { identityAffine, type Volume } from '../../../src/volume';

/** Two channels whose voxels tell where they are. */
function ramp([nx, ny, nz]: Vec3): Volume<Float32Array> {
  const data = new Float32Array(2 * nx * ny * nz);
  let at = 0;
  for (let c = 0; c < 2; c++)
    for (let x = 0; x < nx; x++)
      for (let y = 0; y < ny; y++) for (let z = 0; z < nz; z++) data[at++] = 1000 * c + 100 * x + 10 * y + z + 1;
  return { data, shape: [2, nx, ny, nz], affine: identityAffine() };
}

function cut(volume: Volume<Float32Array>, start: Vec3, size: Vec3, matrix: Matrix3): Float32Array {
  const out = new Float32Array(2 * size[0] * size[1] * size[2]);
  cutCrop(volume, start, size, matrix, out);
  return out;
}

const identity = NO_SPATIAL_AUGMENTATION.matrix;
const volume = ramp([6, 5, 4]);
/** First channel of a voxel of the crop. */
const at = (crop: Float32Array, [, ny, nz]: Vec3, [x, y, z]: Vec3): number => crop[2 * ((x * ny + y) * nz + z)]!;

describe('cutting a crop', () => {
  const size: Vec3 = [3, 4, 2];

  it('copies a box, channels last', () => {
    const crop = cut(volume, [2, 1, 1], size, identity);
    expect(at(crop, size, [0, 0, 0])).toBe(212);
    expect(at(crop, size, [2, 3, 1])).toBe(443);
    expect(crop[1]).toBe(1212);
  });

  it('has zeros outside the volume', () => {
    const crop = cut(volume, [-1, 3, 3], size, identity);
    expect(at(crop, size, [0, 0, 0])).toBe(0);
    expect(at(crop, size, [1, 0, 0])).toBe(34);
    expect(at(crop, size, [1, 2, 0])).toBe(0);
    expect(at(crop, size, [1, 0, 1])).toBe(0);
  });

  it('flips and swaps axes without interpolation', () => {
    const flipped = cut(volume, [1, 0, 0], [4, 4, 4], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]); // prettier-ignore
    expect(at(flipped, [4, 4, 4], [0, 2, 3])).toBe(424);
    const turned = cut(volume, [1, 0, 0], [4, 4, 4], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]); // prettier-ignore
    // Its x runs along the volume's y, its y against the volume's x.
    expect(at(turned, [4, 4, 4], [0, 0, 0])).toBe(401);
    expect(at(turned, [4, 4, 4], [3, 0, 0])).toBe(431);
    expect(at(turned, [4, 4, 4], [0, 3, 0])).toBe(101);
  });

  it('interpolates a zoom about its centre', () => {
    const half: Matrix3 = [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]; // prettier-ignore
    const crop = cut(volume, [1, 1, 0], [4, 4, 4], half);
    // The centre of the crop is voxel (2.5, 2.5, 1.5); its first voxel lies 0.75 before it.
    expect(at(crop, [4, 4, 4], [0, 0, 0])).toBeCloseTo(1 + 175 + 17.5 + 0.75, 3);
    expect(at(crop, [4, 4, 4], [3, 3, 3])).toBeCloseTo(1 + 325 + 32.5 + 2.25, 3);
  });
});

describe('drawing flips, turns and zooms', () => {
  const settings = { flip: 0.5, rotate: { prob: 0.5, degrees: 30 }, zoom: { prob: 0.5, range: [0.7, 1.4] } } as const;
  const determinant = ([a, b, c]: Matrix3): number =>
    a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);

  it('keeps angles, and volumes within the range of the zoom', () => {
    const drawn = Array.from({ length: 400 }, (_, i) => drawSpatial(new RandomStream(7, i), settings));
    const factors = drawn.map(({ matrix }) => Math.cbrt(Math.abs(determinant(matrix))));
    expect(Math.min(...factors)).toBeGreaterThan(0.69);
    expect(Math.max(...factors)).toBeLessThan(1.41);
    const share = (test: (value: number) => boolean): number => factors.filter(test).length / factors.length;
    expect(share((factor) => factor < 0.999)).toBeCloseTo(0.25, 1);
    expect(share((factor) => factor > 1.001)).toBeCloseTo(0.25, 1);
    // An odd number of flips mirrors.
    expect(drawn.filter(({ matrix }) => determinant(matrix) < 0).length / drawn.length).toBeCloseTo(0.5, 1);
    // Columns stay at right angles.
    for (const {
      matrix: [a, b, c],
    } of drawn)
      // prettier-ignore
      expect(Math.abs(a[0] * a[1] + b[0] * b[1] + c[0] * c[1])).toBeLessThan(1e-9);
  });

  it('draws the same whatever is switched off', () => {
    const all = drawSpatial(new RandomStream(1, 2), { ...settings, rotate: { prob: 1, degrees: 30 } });
    const none = drawSpatial(new RandomStream(1, 2), { ...settings, rotate: { prob: 0, degrees: 30 } });
    expect(all.words.filter((word) => !word.startsWith('turned'))).toEqual(none.words);
  });

  it('does nothing where nothing is asked for', () => {
    const off = { flip: 0, rotate: { prob: 0, degrees: 30 }, zoom: { prob: 0, range: [0.7, 1.4] } } as const;
    expect(drawSpatial(new RandomStream(1), off)).toEqual(NO_SPATIAL_AUGMENTATION);
  });
});
