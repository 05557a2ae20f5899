import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NIFTI1, readHeader as readWithLibrary } from 'nifti-reader-js';
import {
  readHeader,
  readVolume,
  writeNifti,
  type DatatypeName,
  type Volume,
  type VoxelArray,
} from '../../../src/volume';
import { expectUserError, temporaryFolder } from './support';

const at = temporaryFolder();
const affine = Float64Array.of(0, -0.75, 0, 12.5, 0.75, 0, 0, -31, 0, 0, 2.5, 100, 0, 0, 0, 1);

function volumeOf(data: VoxelArray, channels = 1): Volume {
  return { data, shape: [channels, 3, 4, 5], affine };
}

const ramp = Array.from({ length: 60 }, (_, i) => i * 2);

describe('write and read back', () => {
  const arrays: [DatatypeName, VoxelArray][] = [
    ['uint8', Uint8Array.from(ramp)],
    ['int8', Int8Array.from(ramp)],
    ['int16', Int16Array.from(ramp, (v) => v * 250 - 9000)],
    ['uint16', Uint16Array.from(ramp, (v) => v * 500)],
    ['int32', Int32Array.from(ramp, (v) => v * 1e7 - 5e8)],
    ['uint32', Uint32Array.from(ramp, (v) => v * 3e7)],
    ['float32', Float32Array.from(ramp, (v) => v / 7)],
    ['float64', Float64Array.from(ramp, (v) => v / 8)],
  ];
  it.each(arrays)('%s', async (name, data) => {
    for (const extension of ['.nii', '.nii.gz']) {
      const file = at(`${name}${extension}`);
      await writeNifti(file, volumeOf(data), { description: 'a test' });
      const { volume, header } = await readVolume(file);
      expect(header).toMatchObject({ version: 1, affineSource: 'sform', description: 'a test', units: 'mm' });
      expect(header).toMatchObject({ qformCode: 1, sformCode: 1, warnings: [] });
      expect(header.datatype.name).toBe(name);
      expect(Array.from(volume.data)).toEqual(Array.from(data));
      expect(Array.from(volume.affine)).toEqual(Array.from(affine));
    }
  });

  it.each(['int64', 'uint64'] as const)('%s from other types', async (name) => {
    await writeNifti(at(`${name}.nii`), volumeOf(Uint8Array.from(ramp)), { datatype: name });
    const { volume, header } = await readVolume(at(`${name}.nii`));
    expect(header.datatype.name).toBe(name);
    expect(Array.from(volume.data)).toEqual(ramp);
  });

  it('channels', async () => {
    const data = Float32Array.from({ length: 120 }, (_, i) => Math.sin(i));
    await writeNifti(at('channels.nii.gz'), volumeOf(data, 2));
    const { volume } = await readVolume(at('channels.nii.gz'), { channel: 'all' });
    expect([...volume.shape]).toEqual([2, 3, 4, 5]);
    expect(volume.data).toEqual(data);
  });

  it('NIfTI-2 for long axes', async () => {
    const data = Int16Array.from({ length: 40000 }, (_, i) => i % 1000);
    await writeNifti(at('long.nii.gz'), { data, shape: [1, 40000, 1, 1], affine });
    const { volume, header } = await readVolume(at('long.nii.gz'));
    expect(header).toMatchObject({ version: 2, size: [40000, 1, 1], qformCode: 1, units: 'mm' });
    expect(volume.data).toEqual(data);
  });
});

describe('affine in the header', () => {
  it('writes a qform that says the same, for every handedness and turn', async () => {
    const matrices = [
      [2, 0, 0, 0, 3, 0, 0, 0, 4],
      [-2, 0, 0, 0, -3, 0, 0, 0, 4],
      [-2, 0, 0, 0, 3, 0, 0, 0, 4],
      [0, 0, -2.5, 1.2, 0, 0, 0, -0.8, 0],
      [2, 0, 0, 0, -3, 0, 0, 0, -4],
      [1.2, -1.6, 0, 1.6, 1.2, 0, 0, 0, -3],
    ];
    for (const m of matrices) {
      const own = Float64Array.of(m[0]!, m[1]!, m[2]!, 5, m[3]!, m[4]!, m[5]!, 6, m[6]!, m[7]!, m[8]!, 7, 0, 0, 0, 1);
      const file = at('qform.nii');
      await writeNifti(file, { ...volumeOf(Uint8Array.from(ramp)), affine: own });
      expect((await readHeader(file)).warnings).toEqual([]);
      // The library gives the qform where the sform's code is smaller.
      const bytes = await readFile(file);
      bytes.writeInt16LE(0, 254);
      const library = readWithLibrary(new Uint8Array(bytes).buffer) as NIFTI1;
      library.affine.flat().forEach((value, i) => expect(value).toBeCloseTo(own[i]!, 4));
    }
  });

  it('leaves the qform out when axes are not at right angles', async () => {
    const sheared = Float64Array.from(affine);
    sheared[0] = 0.3;
    await writeNifti(at('sheared.nii'), { ...volumeOf(Uint8Array.from(ramp)), affine: sheared });
    const header = await readHeader(at('sheared.nii'));
    expect(header).toMatchObject({ qformCode: 0, sformCode: 1 });
    expect(header.warnings.join()).toMatch(/right angles/);
  });
});

describe('what cannot be written', () => {
  it('values outside the type, a singular affine', async () => {
    const file = at('refused.nii.gz');
    const big = volumeOf(Float32Array.from(ramp, (v) => v + 200));
    await expectUserError(writeNifti(file, big, { datatype: 'uint8' }), file, /does not fit into uint8/);
    const nan = volumeOf(Float32Array.from(ramp, () => NaN));
    await expectUserError(writeNifti(file, nan, { datatype: 'int16' }), file, /does not fit into int16/);
    const flat = { ...volumeOf(Uint8Array.from(ramp)), affine: new Float64Array(16) };
    await expectUserError(writeNifti(file, flat), file, /singular/);
    const empty: Volume = { data: new Uint8Array(0), shape: [1, 0, 4, 5], affine };
    await expectUserError(writeNifti(file, empty), file, /is empty/);
    expect(existsSync(file)).toBe(false);
    expect((await readdir(dirname(file))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('a folder that is a file', async () => {
    await writeNifti(at('plain.nii'), volumeOf(Uint8Array.from(ramp)));
    const file = `${at('plain.nii')}/inside.nii`;
    await expectUserError(writeNifti(file, volumeOf(Uint8Array.from(ramp))), file, /cannot write/);
  });
});
