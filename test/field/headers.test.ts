import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  applyAffine,
  axisCodes,
  checkComplete,
  describeVolume,
  orient,
  readEveryNth,
  readHeader,
  readVolume,
  readVoxels,
  resampleToSpacing,
  spacingOf,
} from '../../src/volume';
import { concatenate, expectUserError, rawHeader, temporaryFolder, type RawHeader } from '../unit/volume/support';

const at = temporaryFolder();
const SIZE = [5, 4, 3] as const;
const values = Int16Array.from({ length: 60 }, (_, i) => 7 * i - 100);
const body = new Uint8Array(values.buffer);
const DIMS = [3, ...SIZE, 1, 1, 1, 1];
const SROW = [-0.8, 0, 0, 10, 0, 0.9, 0, -20, 0, 0, 2.5, 30];
const PIXDIM = [1, 0.8, 0.9, 2.5, 1, 1, 1, 1];

const image = (fields: RawHeader = {}): Uint8Array =>
  concatenate(rawHeader({ dims: DIMS, pixdim: PIXDIM, sformCode: 1, srow: SROW, ...fields }), body);

async function warningsOf(name: string, fields: RawHeader): Promise<{ text: string; spacing: number[] }> {
  await writeFile(at(name), image(fields));
  const { volume, header } = await readVolume(at(name));
  // Axes last to first in memory: the file has x fastest.
  expect([...volume.data].sort((a, b) => a - b)).toEqual([...values]);
  return {
    text: header.warnings.join('\n'),
    spacing: spacingOf(header.affine).map((mm) => Math.round(mm * 1e4) / 1e4),
  };
}

describe('what headers in the field say', () => {
  it.each([
    [[4, ...SIZE, 0, 0, 0, 0]],
    [[4, ...SIZE, 1, 0, 0, 0]],
    [[7, ...SIZE, 0, 0, 0, 0]],
    [[5, ...SIZE, 1, 1, 0, 0]],
  ])('dimensions %j are a 3-D image', async (dims) => {
    await writeFile(at('dims.nii'), image({ dims }));
    expect(await readHeader(at('dims.nii'))).toMatchObject({ size: SIZE, channels: 1 });
    expect((await readVolume(at('dims.nii'))).volume.data).toHaveLength(60);
  });

  it('a spatial axis of 0 or less, or a negative one, is refused', async () => {
    for (const dims of [
      [3, 5, 0, 3, 1, 1, 1, 1],
      [4, 5, 4, 3, -1, 0, 0, 0],
      [3, 5, -4, 3, 1, 1, 1, 1],
    ]) {
      await writeFile(at('bad-dims.nii'), image({ dims }));
      await expectUserError(readHeader(at('bad-dims.nii')), at('bad-dims.nii'), /dimensions .* make no sense/);
    }
  });

  it('micrometres and metres become millimetres, with a word about it', async () => {
    for (const [units, factor, word] of [
      [3, 1000, 'micrometres'],
      [1, 1e-3, 'metres'],
    ] as const) {
      const srow = SROW.map((value) => value * factor);
      const pixdim = PIXDIM.map((value, i) => (i > 0 && i < 4 ? value * factor : value));
      for (const fields of [
        { srow, pixdim },
        { pixdim, sformCode: 0, qformCode: 1 },
        { pixdim, sformCode: 0 },
      ]) {
        const found = await warningsOf('units.nii', { units, ...fields });
        expect(found.text).toContain(`${word}; they are converted to mm`);
        expect(found.spacing).toEqual([0.8, 0.9, 2.5]);
      }
      await writeFile(at('units.nii'), image({ units, srow, pixdim }));
      const { affine } = await readHeader(at('units.nii'));
      expect(Array.from(affine.subarray(0, 12), (v) => Math.round(v * 1e4) / 1e4 + 0)).toEqual(SROW.map((v) => v + 0));
    }
  });

  it.each([
    [NaN, 1, "the sform's spacing is used"],
    [0, 1, "the sform's spacing is used"],
    [-0.9, 1, "the sform's spacing is used"],
    [NaN, 0, '1 is taken for it'],
    [0, 0, '1 is taken for it'],
    [Infinity, 0, '1 is taken for it'],
    [-0.9, 0, 'its sign is ignored'],
  ])('a voxel size of %s is told (sform code %s)', async (size, sformCode, what) => {
    const pixdim = PIXDIM.map((value, i) => (i === 2 ? size : value));
    const { text, spacing } = await warningsOf('pixdim.nii', { pixdim, sformCode });
    expect(text).toContain(`the voxel size along y (pixdim[2]) is ${size}; ${what}`);
    expect(spacing).toEqual([0.8, sformCode || size === -0.9 ? 0.9 : 1, 2.5]);
  });

  it('a slice without a voxel size across it is no cause for a word, nor is a qfac of 0', async () => {
    const flat = { dims: [3, 5, 12, 1, 1, 1, 1, 1], pixdim: [0, 0.8, 0.9, 0, 1, 1, 1, 1], sformCode: 0, qformCode: 1 };
    expect((await warningsOf('slice.nii', flat)).text).toBe('');
  });

  it('sform and qform that differ are told with both spacings', async () => {
    const { text } = await warningsOf('forms.nii', { qformCode: 1, pixdim: [1, 2, 2, 2, 1, 1, 1, 1] });
    expect(text).toContain('spacing 0.8×0.9×2.5 mm against 2×2×2 mm');
    const alone = await warningsOf('pixdim.nii', { pixdim: [1, 1, 1, 1, 1, 1, 1, 1] });
    expect(alone.text).toContain('the voxel sizes (pixdim) say 1×1×1 mm, the sform 0.8×0.9×2.5 mm');
  });

  it('forms of the same spacing are told apart by what differs', async () => {
    const forms = { qformCode: 1, pixdim: [1, 0.8, 0.9, 2.5, 1, 1, 1, 1], qoffset: [10, -20, 35] };
    const { text } = await warningsOf('place.nii', { ...forms, quaternion: [0, 1, 0] });
    expect(text).toMatch(/\(both 0\.8×0\.9×2\.5 mm, but the (first voxels lie up to \S+ mm apart|axes have other)/);
    expect(text).not.toContain('against');
  });

  it('a sform without a code is not used, and told', async () => {
    const { text } = await warningsOf('no-code.nii', { sformCode: 0 });
    expect(text).toMatch(/no orientation[^]*its code is 0/);
  });

  it('a singular affine is an error that names the file; with another form beside it, a warning', async () => {
    const flat = [1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0];
    for (const srow of [flat, Array<number>(12).fill(0), SROW.map((v, i) => (i === 5 ? NaN : v))]) {
      await writeFile(at('singular.nii'), image({ srow }));
      await expectUserError(readHeader(at('singular.nii')), at('singular.nii'), /singular or not finite \(sform/);
      const { text } = await warningsOf('singular.nii', { srow, qformCode: 1 });
      expect(text).toContain('the sform is set but');
    }
    await writeFile(at('quaternion.nii'), image({ sformCode: 0, qformCode: 1, quaternion: [NaN, 0, 0] }));
    await expectUserError(readHeader(at('quaternion.nii')), at('quaternion.nii'), /qform/);
  });

  it.each([
    ['sheared', [0.8, 0.2, 0, 5, 0, 0.9, 0.4, -3, 0, 0, 2.5, 1]],
    ['rotated', [0.6, -0.8, 0, 5, 0.8, 0.6, 0, -3, 0, 0, 2, 1]],
  ])('%s axes: every voxel stays where it is through orientation and resampling', async (kind, srow) => {
    await writeFile(at('oblique.nii'), image({ srow, pixdim: [1, 0.8, 0.922, 2.53, 1, 1, 1, 1] }));
    const { volume, header } = await readVolume(at('oblique.nii'));
    const text = header.warnings.join();
    if (kind === 'sheared') expect(text).toMatch(/not at right angles \(7\d\.?\d*°\)/);
    else expect(text).not.toMatch(/right angles/);
    // A value that is the place itself: linear interpolation keeps it exactly.
    const place = (affine: Float64Array, size: readonly number[]): Float32Array =>
      Float32Array.from({ length: size[0]! * size[1]! * size[2]! }, (_, n) => {
        const index = [
          Math.floor(n / (size[1]! * size[2]!)),
          Math.floor(n / size[2]!) % size[1]!,
          n % size[2]!,
        ] as const;
        const [x, y, z] = applyAffine(affine, index);
        return x + 10 * y + 100 * z;
      });
    const own = { ...volume, data: place(volume.affine, SIZE) };
    const turned = orient(own, 'LPI');
    expect(axisCodes(turned.affine)).toBe('LPI');
    expect(
      Math.max(...turned.data.map((v, i) => Math.abs(v - place(turned.affine, turned.shape.slice(1))[i]!))),
    ).toBeLessThan(1e-3);
    const even = resampleToSpacing(own, [0.5, 0.5, 1], 'linear');
    expect(spacingOf(even.affine).map((v) => Math.round(v * 1e6) / 1e6)).toEqual([0.5, 0.5, 1]);
    const wanted = place(even.affine, even.shape.slice(1));
    // Outside of the old grid the nearest voxel stands; most of the new grid is inside.
    const right = even.data.filter((v, i) => Math.abs(v - wanted[i]!) < 1e-2).length;
    expect(right / wanted.length).toBeGreaterThan(0.4);
  });
});

describe('what stands where a volume should', () => {
  it.each([
    ['lfs.nii.gz', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n', /git lfs pull/],
    ['annex.nii.gz', '/annex/objects/MD5E-s123--d41d8cd9.nii.gz\n', /datalad get annex\.nii\.gz/],
    ['annex.nii', '../.git/annex/objects/Kx/9q/MD5E-s1--x/MD5E-s1--x.nii', /git annex get/],
    ['page.nii.gz', '<!DOCTYPE html><html>Sign in</html>', /web page/],
    ['denied.nii.gz', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /download/],
    ['zip.nii', 'PK\x03\x04............', /zip archive/],
    ['bzip.nii.gz', 'BZh91AY&SY......', /bzip2/],
  ])('%s', async (name, text, pattern) => {
    await writeFile(at(name), Buffer.from(text, 'latin1'));
    await expectUserError(readVolume(at(name)), at(name), pattern);
    await expectUserError(readHeader(at(name)), at(name), pattern);
  });

  it('links of git-annex whose object is not here, and other links to nothing', async () => {
    await symlink('../.git/annex/objects/Kx/9q/MD5E-s1--x/MD5E-s1--x.nii.gz', at('linked.nii.gz'));
    await expectUserError(readHeader(at('linked.nii.gz')), at('linked.nii.gz'), /datalad get linked\.nii\.gz/);
    await symlink('/nowhere/scan.nii.gz', at('lost.nii.gz'));
    await expectUserError(readHeader(at('lost.nii.gz')), at('lost.nii.gz'), /a link to \/nowhere\/scan\.nii\.gz/);
  });

  it.each([
    [128, 24, 'RGB24'],
    [2304, 32, 'RGBA32'],
    [32, 64, 'complex64'],
    [1792, 128, 'complex128'],
    [1536, 128, 'float128'],
    [1, 1, 'binary'],
  ])('voxels of type %s are refused by name', async (datatype, bits, name) => {
    await writeFile(at('type.nii'), image({ datatype, bits }));
    const pattern = new RegExp(`${name}.*${name.startsWith('RGB') ? 'class numbers' : 'one number a voxel'}`);
    await expectUserError(readVolume(at('type.nii')), at('type.nii'), pattern);
  });
});

it('metres that would make voxels as large as an organ are millimetres', async () => {
  for (const fields of [{}, { sformCode: 0, qformCode: 1 }]) {
    const found = await warningsOf('metres.nii', { units: 1, ...fields });
    expect(found.spacing).toEqual([0.8, 0.9, 2.5]);
    expect(found.text).toMatch(/lengths in metres, which would be voxels of 800×900×2500 mm; they are taken as mm/);
  }
});

describe('voxels that are said to start inside of the header', () => {
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(at(name), /gz$/.test(name) ? gzipSync(bytes) : bytes);
    return at(name);
  };
  it.each(['early.nii', 'early.nii.gz'])('are read from where the length of %s says', async (name) => {
    for (const version of [1, 2] as const) {
      const least = version === 1 ? 348 : 540;
      const whole = image({ version, voxelOffset: least });
      // With the four bytes behind the header that the offset forgets, and without them.
      for (const [bytes, warned] of [
        [whole, true],
        [concatenate(whole.subarray(0, least), whole.subarray(least + 4)), false],
      ] as const) {
        const file = await write(name, bytes);
        const { voxels, header } = await readVoxels(file);
        expect([...voxels]).toEqual([...values]);
        expect(header.warnings.join().includes(`said to start at byte ${least}`)).toBe(warned);
      }
      const longer = await write(name, concatenate(whole, new Uint8Array(6)));
      await expectUserError(readHeader(longer), longer, /said to start at byte \d+, inside of the header/);
      const short = await write(name, whole.subarray(0, whole.length - 20));
      await expectUserError(readVoxels(short), short, /truncated/);
    }
  });
});

describe('gzip in the field', () => {
  const plain = image();
  const packed = gzipSync(plain);
  const garbage = Buffer.from('-----BEGIN SIGNATURE-----\nnot gzip at all\n');
  it.each([
    ['text', garbage],
    ['what only starts like gzip', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4])],
    ['a member with reserved flags', Buffer.from([0x1f, 0x8b, 8, 0xff, 0, 0, 0, 0, 0, 3, 9])],
    ['more than a probe', Buffer.alloc(20_000, 'x')],
  ])('%s behind the data is left out, with a warning', async (_, tail) => {
    for (const [name, data] of [
      ['small.nii.gz', packed],
      ['two-members.nii.gz', Buffer.concat([gzipSync(plain.subarray(0, 400)), gzipSync(plain.subarray(400))])],
    ] as const) {
      await writeFile(at(name), Buffer.concat([data, tail]));
      await checkComplete(at(name), await readHeader(at(name)));
      const { volume, header } = await readVolume(at(name));
      expect([...volume.data].sort((a, b) => a - b)).toEqual([...values]);
      expect(header.warnings.join()).toContain('behind the gzip data');
      expect((await describeVolume(at(name))).warnings.join()).toContain('behind the gzip data');
      const { voxels } = await readEveryNth(at(name), [2, 2, 2]);
      expect([...voxels]).toEqual(
        [0, 2, 4]
          .flatMap((x) => [0, 2].flatMap((y) => [0, 2].map((z) => values[x + 5 * y + 20 * z]!)))
          .sort((a, b) => a - b),
      );
    }
  });

  it('a large file whose last piece ends in something else is read whole', async () => {
    const dims = [3, 128, 128, 100, 1, 1, 1, 1];
    const noise = Int16Array.from({ length: 128 * 128 * 100 }, (_, i) => Math.imul(i, 2654435761) >>> 20);
    const bytes = concatenate(
      rawHeader({ dims, sformCode: 1, srow: SROW, pixdim: PIXDIM }),
      new Uint8Array(noise.buffer),
    );
    await writeFile(at('large.nii.gz'), Buffer.concat([gzipSync(bytes, { level: 1 }), garbage]));
    const { volume } = await readVolume(at('large.nii.gz'));
    const sum = (data: Iterable<number>): number => [...data].reduce((total, value) => total + value, 0);
    expect(sum(volume.data)).toBe(sum(noise));
  });

  it('a wrong checksum and a short file stay errors, whatever follows', async () => {
    const wrong = Buffer.from(packed);
    wrong[wrong.length - 6]! ^= 1;
    await writeFile(at('crc.nii.gz'), Buffer.concat([wrong, garbage]));
    await expectUserError(readVolume(at('crc.nii.gz')), at('crc.nii.gz'), /damaged/);
    await writeFile(at('short.nii.gz'), packed.subarray(0, packed.length - 30));
    await expectUserError(readVolume(at('short.nii.gz')), at('short.nii.gz'), /truncated/);
    await writeFile(at('few.nii.gz'), Buffer.concat([gzipSync(plain.subarray(0, 380)), garbage]));
    await expectUserError(readVolume(at('few.nii.gz')), at('few.nii.gz'), /truncated/);
  });

  it('of what is no volume is refused by name', async () => {
    await writeFile(at('twice.nii.gz'), gzipSync(packed));
    await expectUserError(readHeader(at('twice.nii.gz')), at('twice.nii.gz'), /packed with gzip twice; unpack it once/);
    const tar = Buffer.alloc(1024);
    tar.write('ustar', 257, 'latin1');
    await writeFile(at('tar.nii.gz'), gzipSync(tar));
    await expectUserError(
      readHeader(at('tar.nii.gz')),
      at('tar.nii.gz'),
      /is a tar archive packed with gzip; unpack it/,
    );
    await writeFile(at('page.nii.gz'), gzipSync('<!DOCTYPE html><html>not found</html>'));
    await expectUserError(readHeader(at('page.nii.gz')), at('page.nii.gz'), /is a web page/);
  });

  it('gzip called .nii and plain data called .nii.gz are read', async () => {
    await writeFile(at('packed.nii'), packed);
    await writeFile(at('plain.nii.gz'), plain);
    for (const name of ['packed.nii', 'plain.nii.gz'])
      expect((await readVolume(at(name))).volume.data).toHaveLength(60);
  });
});

describe('.hdr/.img pairs', () => {
  const header = (fields: RawHeader = {}): Uint8Array =>
    image({ magic: 'ni1\0', voxelOffset: 0, ...fields }).subarray(0, fields.version === 2 ? 540 : 348);

  it.each([
    ['plain', false, false, {}],
    ['packed', true, true, {}],
    ['voxels packed alone', false, true, {}],
    ['NIfTI-2, big endian', false, false, { version: 2, magic: 'ni2\0\r\n\x1a\n', littleEndian: false }],
  ] as const)('%s: read by either name', async (name, packHeader, packVoxels, fields) => {
    const folder = at(name);
    await mkdir(folder);
    const [h, v] = [`${folder}/scan.hdr${packHeader ? '.gz' : ''}`, `${folder}/scan.img${packVoxels ? '.gz' : ''}`];
    const head = header(fields);
    const voxels = 'littleEndian' in fields ? Buffer.from(body).swap16() : body;
    await writeFile(h, packHeader ? gzipSync(head) : head);
    await writeFile(v, packVoxels ? gzipSync(voxels) : voxels);
    for (const file of [h, v]) {
      const { volume, header: found } = await readVolume(file);
      expect([...volume.data].sort((a, b) => a - b)).toEqual([...values]);
      expect(axisCodes(found.affine)).toBe('LAS');
      await checkComplete(file, found);
      expect((await readEveryNth(file, [5, 4, 3])).voxels[0]).toBe(-100);
    }
  });

  it('a missing or short half is named', async () => {
    await writeFile(at('alone.hdr'), header());
    await expectUserError(readHeader(at('alone.hdr')), at('alone.img'), /voxels are missing/);
    await writeFile(at('single.img'), body);
    await expectUserError(readHeader(at('single.img')), at('single.img'), /no header beside it/);
    await writeFile(at('cut.hdr'), header());
    await writeFile(at('cut.img'), body.subarray(0, 100));
    await expectUserError(readHeader(at('cut.img')), at('cut.img'), /truncated/);
  });
});
