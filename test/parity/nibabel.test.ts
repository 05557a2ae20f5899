import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { VolumeService } from '../../src/viewer/service';
import { axisCodes, readVolume } from '../../src/volume';
import { fileIndex, toWorld } from '../../webview/volume/geometry';
import zoo from '../fixtures/nifti_zoo.json';

const folder = mkdtempSync(join(tmpdir(), 'voco-zoo-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Size along the three axes, and the number of volumes. */
function sizesOf(shape: readonly number[]): readonly [number, number, number, number] {
  return [shape[0]!, shape[1]!, shape[2] ?? 1, shape[3] ?? 1];
}

describe.each(zoo.files)('$name ($about), written by nibabel', ({ name, base64, shape, affine, axcodes, values }) => {
  const file = join(folder, name);
  const [nx, ny, nz, channels] = sizesOf(shape);
  const value = (x: number, y: number, z: number, c: number): number => values[((x * ny + y) * nz + z) * channels + c]!;

  it('is read as nibabel reads it', async () => {
    await writeFile(file, Buffer.from(base64, 'base64'));
    const { volume, header } = await readVolume(file, { channel: 'all' });
    expect(volume.shape).toEqual([channels, nx, ny, nz]);
    expect(axisCodes(volume.affine)).toBe(axcodes);
    volume.affine.forEach((number, at) => expect(number).toBeCloseTo(affine.flat()[at]!, 5));
    const exact = !['float32', 'float64'].includes(header.datatype.name);
    for (let c = 0, at = 0; c < channels; c++)
      for (let x = 0; x < nx; x++)
        for (let y = 0; y < ny; y++)
          for (let z = 0; z < nz; z++, at++)
            expect(volume.data[at]).toBe(exact ? value(x, y, z, c) : Math.fround(value(x, y, z, c)));
  });

  it('each slice on screen has the voxels of its place, in all planes', async () => {
    await writeFile(file, Buffer.from(base64, 'base64'));
    const service = new VolumeService(file);
    const { grid, storage, slope, intercept } = await service.header();
    for (const plane of [0, 1, 2] as const) {
      const [across, down] = [0, 1, 2].filter((axis) => axis !== plane);
      const all = Array.from({ length: grid.size[plane] }, (_, index) => index);
      for (let c = 0; c < channels; c++) {
        for (const slice of await service.slices(plane, all, c, undefined)) {
          slice.data.forEach((stored, i) => {
            const place: [number, number, number] = [0, 0, 0];
            [place[plane], place[across!], place[down!]] = [slice.index, i % slice.width, Math.floor(i / slice.width)];
            const voxel = fileIndex(storage, grid.size, place);
            expect(stored * slope + intercept).toBe(value(...(voxel as [number, number, number]), c));
            const world = affine
              .slice(0, 3)
              .map((row) => row[0]! * voxel[0] + row[1]! * voxel[1] + row[2]! * voxel[2] + row[3]!);
            toWorld(grid, place).forEach((mm, axis) => expect(mm).toBeCloseTo(world[axis]!, 4));
          });
        }
      }
    }
  });
});
