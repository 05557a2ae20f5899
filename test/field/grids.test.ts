import { describe, expect, it } from 'vitest';
import {
  gridOf,
  identityAffine,
  judgeLabelGrid,
  readHeader,
  writeNifti,
  type Affine,
  type Volume,
} from '../../src/volume';
import { overlayPlace } from '../../src/viewer/placement';
import { VolumeService } from '../../src/viewer/service';
import { voxelVolume } from '../../webview/volume/geometry';
import { readImage } from '../../src/data/volumeStore';
import { expectUserError, temporaryFolder } from '../unit/volume/support';

const at = temporaryFolder();
const SIZE = [6, 5, 4] as const;
const AFFINE: Affine = Float64Array.of(-2, 0, 0, 40, 0, -1.5, 0, 25, 0, 0, 3, -70, 0, 0, 0, 1);
const moved = (mm: number): Affine => AFFINE.map((value, i) => (i === 3 ? value + mm : value));

function volume(
  affine: Affine,
  value: (n: number) => number = (n) => n,
  size: readonly [number, number, number] = SIZE,
): Volume<Int16Array> {
  return {
    data: Int16Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => value(n)),
    shape: [1, ...size],
    affine,
  };
}

describe('a mask without an affine on top of an image', () => {
  it('is drawn voxel by voxel on the image’s grid when asked for, with the volume of its voxels', async () => {
    await writeNifti(at('image.nii'), volume(AFFINE));
    await writeNifti(
      at('mask.nii'),
      volume(identityAffine(), (n) => (n % 3 === 0 ? 2 : 0)),
    );
    const [image, mask] = [new VolumeService(at('image.nii')), new VolumeService(at('mask.nii'))];
    const below = await image.header();
    const own = await mask.header();
    expect(voxelVolume(own.grid)).toBeCloseTo(1, 6);
    expect(overlayPlace(own.fileGrid, below.fileGrid, false)).toMatchObject({
      choice: 'image',
      text: expect.stringContaining('6×5×4 voxels'),
    });
    expect(overlayPlace(own.fileGrid, below.fileGrid, true)).toMatchObject({ choice: 'own' });
    // By its affine it lies elsewhere.
    const drawn = await mask.slices(2, [1], 0, below.grid);
    expect(drawn[0]!.data.every((value) => value === 0)).toBe(true);
    const placed = await mask.header(below.fileGrid);
    expect(placed.grid).toEqual(below.grid);
    expect(placed.spacing).toEqual(below.spacing);
    expect(voxelVolume(placed.grid)).toBeCloseTo(9, 6);
    for (const plane of [0, 1, 2] as const) {
      const [grey] = await image.slices(plane, [2], 0, undefined);
      const [label] = await mask.slices(plane, [2], 0, below.grid, below.fileGrid);
      expect([...label!.data]).toEqual([...grey!.data].map((n) => (n % 3 === 0 ? 2 : 0)));
    }
    expect((await mask.reduced(0, 160, below.fileGrid)).grid).toEqual(below.grid);
  });

  it('of another size can not', async () => {
    await writeNifti(
      at('small.nii'),
      volume(identityAffine(), () => 1, [3, 3, 3]),
    );
    const header = await readHeader(at('image.nii'));
    await expectUserError(
      new VolumeService(at('small.nii')).header({ size: header.size, affine: [...header.affine] }),
      at('small.nii'),
      /3×3×3.*6×5×4/,
    );
  });

  it('what is said of other places', () => {
    const grid = (affine: Affine, size: readonly [number, number, number] = SIZE) => ({ size, affine: [...affine] });
    expect(overlayPlace(grid(AFFINE), grid(AFFINE), false)).toBeUndefined();
    expect(overlayPlace(grid(moved(0.3)), grid(AFFINE), false)).toEqual({ text: expect.stringContaining('0.3 mm') });
    // Overlapping images of other grids are usual.
    expect(overlayPlace(grid(moved(3)), grid(AFFINE), false)).toBeUndefined();
    expect(overlayPlace(grid(AFFINE, [3, 3, 3]), grid(AFFINE), false)).toBeUndefined();
    expect(overlayPlace(grid(moved(500)), grid(AFFINE), false)).toMatchObject({
      choice: 'image',
      text: expect.stringContaining('500 mm'),
    });
    expect(overlayPlace(grid(moved(500), [3, 3, 3]), grid(AFFINE), false)).toEqual({
      text: 'Lies outside of the image.',
    });
  });
});

describe('channels of a case', () => {
  const read = async (second: Volume<Int16Array>): Promise<{ data: number[]; warnings: string[] }> => {
    await writeNifti(at('t1.nii'), volume(AFFINE));
    await writeNifti(at('t2.nii'), second);
    const warnings: string[] = [];
    const found = await readImage([at('t1.nii'), at('t2.nii')], 0, (text) => warnings.push(text));
    expect(found.shape).toEqual([2, ...SIZE]);
    expect(gridOf(found)).toEqual({ size: SIZE, affine: AFFINE });
    return { data: [...found.data].slice(120), warnings };
  };

  it('in another orientation are turned, a hair away taken with a warning, elsewhere refused', async () => {
    const same = volume(AFFINE, (n) => 1000 + n);
    expect(await read(same)).toEqual({ data: [...same.data], warnings: [] });
    // The same voxels, stored from the other end of the first axis.
    const back = Float64Array.from(AFFINE);
    [back[0], back[3]] = [2, 40 - 2 * 5];
    const flipped = volume(back, (n) => 1000 + (5 - Math.floor(n / 20)) * 20 + (n % 20));
    expect(await read(flipped)).toEqual({ data: [...same.data], warnings: [] });
    const near = await read({ ...same, affine: moved(0.1) });
    expect(near.data).toEqual([...same.data]);
    expect(near.warnings.join()).toMatch(/t2\.nii: lies up to 0\.1 mm off .*t1\.nii/);
    await expect(read({ ...same, affine: moved(30) })).rejects.toThrow(
      /t2\.nii: does not lie on the voxel grid of .*t1\.nii.*6×5×4 voxels of 2×1\.5×3 mm/,
    );
  });
});

describe('a label whose axes were swapped', () => {
  it('is told as such, saved without an affine or with that of its image; other sizes are not', () => {
    const image = { size: SIZE, affine: AFFINE };
    const advice = (size: readonly [number, number, number], affine: Affine): string =>
      judgeLabelGrid({ size, affine }, image, 'ct.nii.gz')!.advice;
    expect(advice([4, 5, 6], AFFINE)).toMatch(/axes were swapped/);
    expect(advice([4, 5, 6], identityAffine())).toMatch(/axes were swapped/);
    expect(advice([4, 5, 6], moved(50))).not.toMatch(/swapped/);
    expect(advice([4, 5, 7], AFFINE)).not.toMatch(/swapped/);
  });
});
