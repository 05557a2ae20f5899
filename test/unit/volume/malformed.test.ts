import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readHeader, readVolume } from '../../../src/volume';
import { expectUserError, concatenate, rawHeader, temporaryFolder } from './support';

const at = temporaryFolder();
const body = new Uint8Array(48).map((_, i) => (i * 37) % 251);
const good = concatenate(rawHeader({}), body);

async function fails(name: string, bytes: Uint8Array, pattern: RegExp): Promise<void> {
  await writeFile(at(name), bytes);
  await expectUserError(readVolume(at(name)), at(name), pattern);
}

describe('malformed files', () => {
  it('missing, a folder, a pipe, empty', async () => {
    await expectUserError(readVolume(at('none.nii')), at('none.nii'), /no such file/);
    await mkdir(at('folder.nii'));
    await expectUserError(readVolume(at('folder.nii')), at('folder.nii'), /not a regular file/);
    execFileSync('mkfifo', [at('pipe.nii')]);
    await expectUserError(readVolume(at('pipe.nii')), at('pipe.nii'), /not a regular file/);
    await fails('empty.nii', new Uint8Array(0), /empty/);
    await fails('empty.nii.gz', gzipSync(new Uint8Array(0)), /empty/);
  });

  it('truncated', async () => {
    await fails('short-header.nii', good.slice(0, 200), /truncated/);
    await fails('short-header.nii.gz', gzipSync(good.slice(0, 200)), /truncated/);
    await fails('short-body.nii', good.slice(0, good.length - 1), /truncated or its header is corrupt/);
    await fails('short-body.nii.gz', gzipSync(good.slice(0, good.length - 1)), /truncated: 48 bytes.*47 found/);
    const zipped = gzipSync(good);
    await fails('cut.nii.gz', zipped.subarray(0, zipped.length - 12), /truncated/);
    await fails('cut-early.nii.gz', zipped.subarray(0, 6), /truncated|damaged|empty/);
  });

  it('damaged gzip', async () => {
    const zipped = gzipSync(good, { level: 0 });
    const flipped = Uint8Array.from(zipped);
    flipped[flipped.length - 20]! ^= 0xff;
    await fails('checksum.nii.gz', flipped, /gzip data is damaged/);
    const noise = Uint8Array.from({ length: 600 }, (_, i) => (i * 7919 + 13) & 0xff);
    noise.set([0x1f, 0x8b]);
    await fails('noise.nii.gz', noise, /gzip data is damaged/);
    await fails('plain.nii.gz', new TextEncoder().encode('<html>not found</html>'), /web page/);
    await fails('text.nii.gz', new TextEncoder().encode('not found'), /neither gzip data/);
  });

  it('gzip data that goes on long after the voxels is read, but not to its end', async () => {
    const zipped = gzipSync(concatenate(good, new Uint8Array(100 << 20)), { level: 1 });
    await writeFile(at('endless.nii.gz'), zipped.subarray(0, zipped.length - 8));
    expect((await readVolume(at('endless.nii.gz'))).volume.shape).toEqual([1, 2, 3, 4]);
  });

  it('wrong magic', async () => {
    await fails('text.nii', new TextEncoder().encode('hello'.repeat(200)), /not a NIfTI file/);
    await fails('magic.nii', concatenate(rawHeader({ magic: 'abc\0' }), body), /its magic is "abc"/);
    await fails('named.nii', concatenate(rawHeader({ magic: 'ni1\0' }), body), /\.hdr\/\.img pair/);
    await fails('analyze.hdr', concatenate(rawHeader({ magic: '\0\0\0\0' }), body), /ANALYZE/);
  });

  it('absurd dimensions, refused before anything is allocated', async () => {
    const huge = [3, 32767, 32767, 32767, 1, 1, 1, 1];
    await fails('huge.nii', concatenate(rawHeader({ dims: huge }), body), /claims 32767×32767×32767/);
    await fails('huge.nii.gz', gzipSync(concatenate(rawHeader({ dims: huge }), body)), /claims 32767×32767×32767/);
    const huger = [3, 2 ** 40, 2 ** 40, 2 ** 40, 1, 1, 1, 1];
    await fails('huger.nii', concatenate(rawHeader({ version: 2, dims: huger }), body), /claims/);
    for (const dims of [
      [0, 2, 3, 4, 1, 1, 1, 1],
      [3, 0, 3, 4, 1, 1, 1, 1],
      [3, -2, 3, 4, 1, 1, 1, 1],
      [9, 2, 3, 4, 1, 1, 1, 1],
    ]) {
      await fails('dims.nii', concatenate(rawHeader({ dims }), body), /make no sense/);
    }
    await fails('five.nii', concatenate(rawHeader({ dims: [5, 2, 2, 2, 2, 2, 1, 1] }), body), /only 3-D and 4-D/);
  });

  it('a bad offset, type or channel', async () => {
    await fails('offset.nii', concatenate(rawHeader({ voxelOffset: 12 }), body), /start at byte 12/);
    await fails('offset-nan.nii', concatenate(rawHeader({ voxelOffset: NaN }), body), /start at byte NaN/);
    await fails('rgb.nii', concatenate(rawHeader({ datatype: 128, bits: 24 }), body), /RGB24 are not supported/);
    await fails('complex.nii', concatenate(rawHeader({ datatype: 32, bits: 64 }), body), /complex64 are not supported/);
    await fails('unknown.nii', concatenate(rawHeader({ datatype: 77 }), body), /datatype code 77/);
    await fails('inter.nii', concatenate(rawHeader({ slope: 1, intercept: NaN }), body), /scl_inter is NaN/);
    await writeFile(at('good.nii'), good);
    await expectUserError(readVolume(at('good.nii'), { channel: 1 }), at('good.nii'), /no channel 1/);
  });

  it('64-bit integers that are not exact', async () => {
    const longs = BigInt64Array.from({ length: 24 }, () => 2n ** 60n + 1n);
    const bytes = concatenate(rawHeader({ datatype: 1024, bits: 64 }), new Uint8Array(longs.buffer));
    await fails('long.nii', bytes, /beyond ±2\^53/);
  });

  it('reads only the start for a header, so a damaged end does not matter there', async () => {
    const zipped = gzipSync(concatenate(rawHeader({ dims: [3, 40, 40, 40, 1, 1, 1, 1] }), new Uint8Array(128000)));
    await writeFile(at('end.nii.gz'), zipped.subarray(0, zipped.length - 4));
    expect((await readHeader(at('end.nii.gz'))).size).toEqual([40, 40, 40]);
    await expectUserError(readVolume(at('end.nii.gz')), at('end.nii.gz'), /truncated/);
  });
});
