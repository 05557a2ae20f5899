import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { axisCodes, readHeader, readVolume, readVoxels } from '../../../src/volume';
import { concatenate, rawHeader, temporaryFolder, type RawHeader } from './support';

const at = temporaryFolder();

interface Kind {
  name: string;
  code: number;
  bytes: number;
  values: number[];
  put: (view: DataView, at: number, value: number, little: boolean) => void;
}

const KINDS: Kind[] = [
  { name: 'uint8', code: 2, bytes: 1, values: [0, 255, 7], put: (v, p, x) => v.setUint8(p, x) },
  { name: 'int8', code: 256, bytes: 1, values: [-128, 127, 7], put: (v, p, x) => v.setInt8(p, x) },
  { name: 'int16', code: 4, bytes: 2, values: [-32768, 32767, 258], put: (v, p, x, e) => v.setInt16(p, x, e) },
  { name: 'uint16', code: 512, bytes: 2, values: [0, 65535, 258], put: (v, p, x, e) => v.setUint16(p, x, e) },
  { name: 'int32', code: 8, bytes: 4, values: [-(2 ** 31), 2 ** 31 - 1, 9], put: (v, p, x, e) => v.setInt32(p, x, e) },
  { name: 'uint32', code: 768, bytes: 4, values: [0, 2 ** 32 - 1, 9], put: (v, p, x, e) => v.setUint32(p, x, e) },
  {
    name: 'int64',
    code: 1024,
    bytes: 8,
    values: [-(2 ** 40) - 3, 2 ** 52 + 1, -1],
    put: (v, p, x, e) => v.setBigInt64(p, BigInt(x), e),
  },
  {
    name: 'uint64',
    code: 1280,
    bytes: 8,
    values: [0, 2 ** 52 + 1, 2 ** 33],
    put: (v, p, x, e) => v.setBigUint64(p, BigInt(x), e),
  },
  { name: 'float32', code: 16, bytes: 4, values: [-1.5, 3.25e10, 0.1], put: (v, p, x, e) => v.setFloat32(p, x, e) },
  { name: 'float64', code: 64, bytes: 8, values: [-1.5, 3.25e10, 0.1], put: (v, p, x, e) => v.setFloat64(p, x, e) },
];

/** A 2×3×4 image (times channels) whose voxel (x, y, z, c) holds values[(x + 2y + 6z + 24c) % 3]. */
function imageBytes(kind: Kind, header: RawHeader, channels = 1): Uint8Array {
  const little = header.littleEndian ?? true;
  const dims = header.dims ?? (channels > 1 ? [4, 2, 3, 4, channels, 1, 1, 1] : [3, 2, 3, 4, 1, 1, 1, 1]);
  const body = new Uint8Array(24 * channels * kind.bytes);
  const view = new DataView(body.buffer);
  for (let i = 0; i < 24 * channels; i++) kind.put(view, i * kind.bytes, kind.values[i % 3]!, little);
  return concatenate(rawHeader({ ...header, dims, datatype: kind.code, bits: kind.bytes * 8 }), body);
}

describe('voxels of every type, byte order and version', () => {
  const variants = KINDS.flatMap((kind) =>
    [1, 2].flatMap((version) => [true, false].map((littleEndian) => ({ kind, version, littleEndian }))),
  );
  it.each(variants)(
    '$kind.name, NIfTI-$version, little endian $littleEndian',
    async ({ kind, version, littleEndian }) => {
      const bytes = imageBytes(kind, { version: version as 1 | 2, littleEndian });
      for (const compressed of [false, true]) {
        const file = at(`${kind.name}-${version}-${littleEndian}.nii${compressed ? '.gz' : ''}`);
        await writeFile(file, compressed ? gzipSync(bytes) : bytes);
        const { volume, header, nonFinite } = await readVolume(file);
        expect(header).toMatchObject({ version, littleEndian, compressed, channels: 1, size: [2, 3, 4] });
        expect(header.datatype.name).toBe(kind.name);
        expect([...volume.shape]).toEqual([1, 2, 3, 4]);
        expect(nonFinite).toEqual({ nan: 0, infinite: 0 });
        for (let x = 0; x < 2; x++) {
          for (let y = 0; y < 3; y++) {
            for (let z = 0; z < 4; z++) {
              const value = kind.values[(x + 2 * y + 6 * z) % 3]!;
              const expected = kind.name.startsWith('float') ? Math.fround(value) : value;
              expect(volume.data[(x * 3 + y) * 4 + z]).toBe(expected);
            }
          }
        }
      }
    },
  );
});

describe('layout', () => {
  const int16 = KINDS[2]!;

  it('keeps integer types and gives file order on request', async () => {
    const file = at('raw.nii');
    await writeFile(file, imageBytes(int16, {}));
    expect((await readVolume(file)).volume.data).toBeInstanceOf(Int16Array);
    const { voxels } = await readVoxels(file);
    expect(Array.from(voxels.subarray(0, 4))).toEqual([-32768, 32767, 258, -32768]);
  });

  it('transposes sizes beyond one tile', async () => {
    const size = [37, 5, 70] as const;
    const body = Int32Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => i);
    const header = rawHeader({ dims: [3, ...size, 1, 1, 1, 1], datatype: 8, bits: 32 });
    await writeFile(at('large.nii'), concatenate(header, new Uint8Array(body.buffer)));
    const { data } = (await readVolume(at('large.nii'))).volume;
    let wrong = 0;
    for (let x = 0; x < size[0]; x++) {
      for (let y = 0; y < size[1]; y++) {
        for (let z = 0; z < size[2]; z++) {
          if (data[(x * size[1] + y) * size[2] + z] !== x + size[0] * (y + size[1] * z)) wrong += 1;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  it('reads one or all channels of a 4-D image', async () => {
    const file = at('four.nii.gz');
    const body = Int16Array.from({ length: 48 }, (_, i) => i);
    const header = rawHeader({ dims: [4, 2, 3, 4, 2, 1, 1, 1] });
    await writeFile(file, gzipSync(concatenate(header, new Uint8Array(body.buffer))));
    const all = (await readVolume(file, { channel: 'all' })).volume;
    expect([...all.shape]).toEqual([2, 2, 3, 4]);
    expect(all.data[24 + (1 * 3 + 2) * 4 + 3]).toBe(24 + 1 + 2 * 2 + 6 * 3);
    const second = (await readVolume(file, { channel: 1 })).volume;
    expect([...second.shape]).toEqual([1, 2, 3, 4]);
    expect(Array.from(second.data)).toEqual(Array.from(all.data.subarray(24)));
    expect((await readVolume(file)).volume.data[0]).toBe(0);
  });

  it('takes trailing axes of one voxel, and vectors on the fifth axis', async () => {
    await writeFile(at('trailing.nii'), imageBytes(int16, { dims: [6, 2, 3, 4, 1, 1, 1, 1] }));
    expect((await readHeader(at('trailing.nii'))).channels).toBe(1);
    await writeFile(at('vector.nii'), imageBytes(int16, { dims: [5, 2, 3, 4, 1, 3, 1, 1] }, 3));
    expect((await readHeader(at('vector.nii'))).channels).toBe(3);
  });

  it('applies slope and intercept, and ignores a slope of 0 or NaN', async () => {
    const first = async (slope: number, intercept: number) => {
      await writeFile(at('scaled.nii'), imageBytes(int16, { slope, intercept }));
      return (await readVolume(at('scaled.nii'))).volume.data;
    };
    const scaled = await first(0.5, 10);
    expect(scaled).toBeInstanceOf(Float32Array);
    expect(scaled[0]).toBe(-32768 * 0.5 + 10);
    expect(await first(0, 10)).toBeInstanceOf(Int16Array);
    expect(await first(NaN, 10)).toBeInstanceOf(Int16Array);
    expect(await first(1, 0)).toBeInstanceOf(Int16Array);
  });

  it('counts voxels that are not numbers', async () => {
    const kind: Kind = { ...KINDS[8]!, values: [NaN, Infinity, 1] };
    await writeFile(at('nan.nii'), imageBytes(kind, {}));
    const { nonFinite, volume } = await readVolume(at('nan.nii'));
    expect(nonFinite).toEqual({ nan: 8, infinite: 8 });
    expect(volume.data[0]).toBeNaN();
  });
});

describe('affine', () => {
  const srow = [0, -2, 0, 10, 3, 0, 0, 20, 0, 0, 4, 30];
  const half = Math.SQRT1_2;
  // A quarter turn about z: (a, b, c, d) = (√½, 0, 0, √½).
  const turn = { quaternion: [0, 0, half], qoffset: [1, 2, 3], pixdim: [1, 2, 3, 4, 1, 1, 1, 1] };
  const header = async (fields: RawHeader) => {
    await writeFile(at('affine.nii'), imageBytes(KINDS[2]!, fields));
    return readHeader(at('affine.nii'));
  };
  const rows = (affine: Float64Array) => Array.from(affine.subarray(0, 12), (v) => Math.round(v * 1e5) / 1e5 + 0);

  it('prefers the sform whatever the codes', async () => {
    const found = await header({ ...turn, sformCode: 1, qformCode: 4, srow });
    expect(found.affineSource).toBe('sform');
    expect(rows(found.affine)).toEqual(srow);
    expect(found.warnings.join()).toMatch(/contradict/);
    expect(axisCodes(found.affine)).toBe('ALS');
  });

  it('uses the qform when there is no sform, with qfac', async () => {
    const found = await header({ ...turn, qformCode: 1, srow });
    expect(found.affineSource).toBe('qform');
    expect(rows(found.affine)).toEqual([0, -3, 0, 1, 2, 0, 0, 2, 0, 0, 4, 3]);
    const mirrored = await header({ ...turn, qformCode: 1, pixdim: [-1, 2, 3, 4, 1, 1, 1, 1] });
    expect(rows(mirrored.affine)).toEqual([0, -3, 0, 1, 2, 0, 0, 2, 0, 0, -4, 3]);
  });

  it('falls back to the voxel sizes, left to right and centred', async () => {
    const found = await header({ pixdim: [1, 2, 3, 4, 1, 1, 1, 1] });
    expect(found.affineSource).toBe('pixdim');
    expect(rows(found.affine)).toEqual([-2, 0, 0, 1, 0, 3, 0, -3, 0, 0, 4, -6]);
    expect(found.warnings.join()).toMatch(/no orientation/);
  });

  it('passes over a form that is singular', async () => {
    const found = await header({ ...turn, sformCode: 1, qformCode: 1 });
    expect(found.affineSource).toBe('qform');
    expect(found.warnings.join()).toMatch(/sform is set but/);
  });

  it('reads the same from NIfTI-2, big endian', async () => {
    const found = await header({ ...turn, sformCode: 1, srow, version: 2, littleEndian: false });
    expect(rows(found.affine)).toEqual(srow);
  });
});
