import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { VolumeService } from '../../src/viewer/service';
import { writeNifti } from '../../src/volume';
import { withFixtures } from '../support/fixtures';
import { closedFormVolume, type ClosedForm } from '../support/synthetic';
import { affineOf, expectAffine, expectSummary, type Rows, type VolumeSummary } from '../support/volumes';

interface Fixture extends ClosedForm {
  orientation: { affine_name: string; axcodes: string; affine: Rows; out_affine: Rows; image: VolumeSummary }[];
}

const folder = mkdtempSync(join(tmpdir(), 'voco-viewer-'));
afterAll(() => rmSync(folder, { recursive: true }));

withFixtures<[Fixture]>('voxels on screen', ['transforms_synth.json'], (fixture) => {
  const cases = fixture.orientation.filter(({ axcodes }) => axcodes === 'RAS');

  it.each(cases)('$affine_name: the voxels on screen are those that MONAI (nibabel) puts there', async (expected) => {
    const count = fixture.shape.reduce((a, b) => a * b, 1);
    const file = join(folder, `${expected.affine_name}.nii.gz`);
    const data = closedFormVolume(fixture);
    await writeNifti(file, { data, shape: fixture.shape, affine: affineOf(expected.affine) });
    const service = new VolumeService(file);
    const { grid } = await service.header();
    const [nx, ny, nz] = grid.size;
    const shown = new Float32Array(count);
    for (const slice of await service.slices(
      2,
      Array.from({ length: nz }, (_, z) => z),
      0,
      undefined,
    )) {
      for (let i = 0; i < slice.data.length; i++) {
        const [x, y] = [i % slice.width, Math.floor(i / slice.width)];
        shown[(x * ny + y) * nz + slice.index] = slice.data[i]!;
      }
    }
    expect([1, nx, ny, nz]).toEqual(expected.image.shape);
    expectSummary({ data: shown, shape: [1, nx, ny, nz], affine: affineOf(expected.out_affine) }, expected.image, 0);
    expectAffine(Float64Array.from(grid.affine), expected.out_affine, 1e-4);
  });
});
