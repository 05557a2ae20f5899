import { mkdir, writeFile } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { encodePng } from '../../../src/viewer/png';
import { makeThumbnail } from '../../../src/viewer/thumbnail';
import { BTCV_CLASSES } from '../../../src/labels/organs';
import { writeNifti } from '../../../src/volume';
import { expectUserError, temporaryFolder } from '../volume/support';

const path = temporaryFolder();

/** Rows of samples of a PNG without filters. */
function decode(png: Uint8Array): { width: number; height: number; rows: number[][] } {
  const bytes = Buffer.from(png);
  expect(bytes.toString('latin1', 1, 4)).toBe('PNG');
  const [width, height, channels] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes[25] === 2 ? 3 : 1];
  const raw = inflateSync(bytes.subarray(33 + 8, 33 + 8 + bytes.readUInt32BE(33)));
  const step = 1 + width * channels;
  const rows = Array.from({ length: height }, (_, y) => [...raw.subarray(y * step + 1, (y + 1) * step)]);
  return { width, height, rows };
}

it('a PNG has the layout and the checksums of the standard', () => {
  const png = Buffer.from(encodePng(1, 1, Uint8Array.of(255, 0, 0)));
  // The header chunk of a 1×1 RGB image and its checksum, and the end chunk, as every encoder writes them.
  expect(png.subarray(8, 33).toString('hex')).toBe('0000000d4948445200000001000000010802000000907753de');
  expect(png.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
});

it('shows the middle axial slice in the window of CT, patient’s right on the left, anterior above', async () => {
  const file = path('ct.nii.gz');
  const [nx, ny, nz] = [4, 2, 3];
  const data = new Int16Array(nx * ny * nz).fill(-1000);
  // RAS: x to the right, y to the front. In the middle slice: bright at the patient's right front, grey left behind.
  data[(3 * ny + 1) * nz + 1] = 3000;
  data[(0 * ny + 0) * nz + 1] = 38;
  const affine = Float64Array.from([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1]);
  await writeNifti(file, { data, shape: [1, nx, ny, nz], affine });
  const { data: png, caption } = await makeThumbnail(file, 4);
  const { width, height, rows } = decode(png);
  // 4 mm by 4 mm: each voxel is two pixels high.
  expect([width, height]).toEqual([4, 4]);
  expect(rows[0]).toEqual([255, 0, 0, 0]);
  expect(rows[1]).toEqual([255, 0, 0, 0]);
  expect(rows[3]).toEqual([0, 0, 0, Math.round((255 * 213) / 425)]);
  expect(caption).toBe('4×2×3 voxels, 1×2×5 mm');
});

it('shows a label map in the colours of its organs', async () => {
  await mkdir(path('btcv'), { recursive: true });
  const file = path('btcv/label.nii');
  const data = new Uint8Array(27);
  data[9 + 3 + 1] = 6;
  await writeNifti(file, {
    data,
    shape: [1, 3, 3, 3],
    affine: Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
  });
  const { rows } = decode((await makeThumbnail(file, 3)).data);
  const liver = Number.parseInt(BTCV_CLASSES[6]!.colour.slice(1), 16);
  expect(rows[1]).toEqual([0, 0, 0, liver >> 16, (liver >> 8) & 255, liver & 255, 0, 0, 0]);
});

it('says why a file has no picture', async () => {
  const file = path('text.nii');
  await writeFile(file, 'hello');
  await expectUserError(makeThumbnail(file, 9), file, /not a NIfTI file/);
});
