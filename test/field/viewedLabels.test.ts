/** Label maps that are stored as scaled or rounded floats are label maps in the viewer, too. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { VolumeService } from '../../src/viewer/service';
import { writeNifti, type Affine } from '../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-viewed-'));
afterAll(() => rmSync(root, { recursive: true }));

const SIZE = [8, 7, 6] as const;
const COUNT = SIZE[0] * SIZE[1] * SIZE[2];
const AFFINE: Affine = Float64Array.of(-2, 0, 0, 40, 0, 1.5, 0, 25, 0, 0, 3, -70, 0, 0, 0, 1);
const LABELS = Array.from({ length: COUNT }, (_, n) => (n % 5 === 0 ? 3 : n % 7 === 0 ? 1 : 0));

async function put(name: string, data: Float32Array | Uint8Array, slope = 1): Promise<VolumeService> {
  const file = join(root, name);
  await writeNifti(file, { data, shape: [1, ...SIZE], affine: AFFINE });
  const bytes = readFileSync(file);
  bytes.writeFloatLE(slope, 112);
  writeFileSync(file, bytes);
  return new VolumeService(file);
}

/** Values of the middle axial slice as the page has them. */
async function drawn(service: VolumeService, place?: Awaited<ReturnType<VolumeService['header']>>['grid']) {
  const [slice] = await service.slices(2, [3], 0, place);
  const { scaling } = await service.load();
  const header = await service.header();
  const { slope, intercept } = scaling ?? header;
  return [...slice!.data].map((value) => value * slope + intercept);
}

describe('labels that are not stored as whole numbers', () => {
  it.each([
    [
      'floats a hair off',
      () =>
        put(
          'hair.nii',
          Float32Array.from(LABELS, (value) => value * 0.9997),
        ),
    ],
    [
      'floats scaled by 1.0159',
      () =>
        put(
          'float.nii',
          Float32Array.from(LABELS, (value) => value * 1.0159),
        ),
    ],
    [
      'integers with a slope',
      () =>
        put(
          'slope.nii',
          Uint8Array.from(LABELS, (value) => value * 10),
          0.1,
        ),
    ],
  ])('%s are drawn as the labels they stand for', async (_, make) => {
    const service = await make();
    const plain = await put('plain.nii', Uint8Array.from(LABELS));
    const { labels } = await service.load();
    expect(labels?.map(({ value, voxels }) => [value, voxels])).toEqual(
      [0, 1, 3].map((value) => [value, LABELS.filter((one) => one === value).length]),
    );
    expect(await drawn(service)).toEqual(await drawn(plain));
    // On the grid of another image: the nearest voxel, nothing between two labels.
    const { grid } = await plain.header();
    const shifted = { ...grid, affine: grid.affine.map((value, i) => (i === 3 ? value + 0.6 : value)) };
    expect(await drawn(service, shifted)).toEqual(await drawn(plain, shifted));
    expect(await service.range()).toEqual([0, 3]);
  });

  it('says once that they were rounded', async () => {
    const service = await put(
      'said.nii',
      Float32Array.from(LABELS, (value) => value * 1.0159),
    );
    expect((await service.load()).warnings).toEqual([expect.stringMatching(/not whole numbers, such as 3\.0477/)]);
  });

  it('are not seen in images: numbers between, and small ones', async () => {
    const half = await put(
      'half.nii',
      Float32Array.from(LABELS, (value) => value * 1.07),
    );
    const small = await put(
      'small.nii',
      Float32Array.from(LABELS, (value) => value * 0.012),
    );
    for (const service of [half, small]) expect((await service.load()).labels).toBeUndefined();
  });
});
