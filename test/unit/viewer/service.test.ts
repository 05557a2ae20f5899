import type { Vec3 } from '../../../src/geometry';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { coincide } from '../../../src/viewer/canonical';
import { siblingLabels } from '../../../src/viewer/labels';
import { VolumeService } from '../../../src/viewer/service';
import { stepsFor } from '../../../src/viewer/tooLarge';
import type { Plane } from '../../../src/protocol/volume';
import { parseHeader } from '../../../src/volume/nifti/header';
import { applyAffine, readEveryNth, readVolume, writeNifti, type Affine, type Volume } from '../../../src/volume';
import { canonicalIndex, fileIndex, toWorld } from '../../../webview/volume/geometry';
import { concatenate, expectUserError, rawHeader, temporaryFolder } from '../volume/support';

const path = temporaryFolder();

/** Every voxel has another value: 100 x + 10 y + z. */
function numbered(affine: number[], size: Vec3 = [4, 5, 6]): Volume<Int16Array> {
  const data = new Int16Array(size[0] * size[1] * size[2]);
  let at = 0;
  for (let x = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) for (let z = 0; z < size[2]; z++) data[at++] = 100 * x + 10 * y + z;
  }
  return { data, shape: [1, ...size], affine: Float64Array.from([...affine, 0, 0, 0, 1]) };
}

const AFFINES: Record<string, number[]> = {
  RAS: [2, 0, 0, -10, 0, 3, 0, 5, 0, 0, 4, 7],
  LPS: [-2, 0, 0, -10, 0, -3, 0, 5, 0, 0, 4, 7],
  'PIR (axes permuted)': [0, 0, 2, 1, -3, 0, 0, 2, 0, -4, 0, 3],
  'left-handed LAS': [-2, 0, 0, 9, 0, 3, 0, 8, 0, 0, 4, 7],
  oblique: [1.9, 0.4, 0.1, 0, -0.4, 2.8, 0.5, 0, 0, -0.6, 3.9, 0],
};

describe('slices of a volume', () => {
  it.each(Object.entries(AFFINES))('%s: each pixel is the voxel that its indices name', async (name, affine) => {
    const file = path(`${name.slice(0, 3)}.nii`);
    const volume = numbered(affine);
    await writeNifti(file, volume);
    const service = new VolumeService(file);
    const header = await service.header();
    const { size } = header.grid;
    for (const plane of [0, 1, 2] as Plane[]) {
      const [across, up] = plane === 0 ? [1, 2] : plane === 1 ? [0, 2] : [0, 1];
      const slices = await service.slices(plane, [0, size[plane]! - 1], 0, undefined);
      expect(slices.map(({ index }) => index)).toEqual([0, size[plane]! - 1]);
      for (const slice of slices) {
        expect([slice.width, slice.height]).toEqual([size[across!], size[up!]]);
        for (let i = 0; i < slice.data.length; i++) {
          const canonical = [0, 0, 0];
          canonical[plane] = slice.index;
          canonical[across!] = i % slice.width;
          canonical[up!] = Math.floor(i / slice.width);
          const [x, y, z] = fileIndex(header.storage, size, canonical as unknown as Vec3);
          expect(slice.data[i]).toBe(100 * x + 10 * y + z);
          // The same place in space by the file's affine and by the grid's.
          const world = applyAffine(volume.affine as Affine, [x, y, z]);
          toWorld(header.grid, canonical as unknown as Vec3).forEach((mm, axis) =>
            expect(mm).toBeCloseTo(world[axis]!, 4),
          );
        }
      }
    }
    // Canonical axes run to the right, to the front and upwards.
    for (let axis = 0; axis < 3; axis++) expect(header.grid.affine[axis * 5]).toBeGreaterThan(0);
  });

  it('gives the slices of a 4-D file by channel, and nothing beyond the last slice', async () => {
    const file = path('four.nii.gz');
    const data = Int16Array.from({ length: 2 * 8 }, (_, i) => i);
    await writeNifti(file, { data, shape: [2, 2, 2, 2], affine: Float64Array.from([...AFFINES.RAS!, 0, 0, 0, 1]) });
    const service = new VolumeService(file);
    const [slice] = await service.slices(2, [1], 1, undefined);
    expect([...slice!.data]).toEqual([9, 13, 11, 15]);
    expect(await service.slices(2, [2, -1], 0, undefined)).toEqual([]);
  });

  it('samples an overlay of another grid at the nearest voxel, 0 outside', async () => {
    const coarse = path('coarse.nii');
    await writeNifti(coarse, {
      data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      shape: [1, 2, 2, 2],
      affine: Float64Array.from([-2, 0, 0, 2.5, 0, 2, 0, 0.5, 0, 0, 2, 0.5, 0, 0, 0, 1]),
    });
    // Voxels of 1 mm: 0 to 5 along each axis; the overlay covers −0.5 to 3.5 of each, its first axis running left.
    const target = { size: [6, 6, 6] as Vec3, affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
    const [slice] = await new VolumeService(coarse).slices(2, [0], 0, target);
    const rows = Array.from({ length: 6 }, (_, y) => [...slice!.data.slice(6 * y, 6 * y + 6)]);
    expect(rows).toEqual([
      [5, 5, 1, 1, 0, 0],
      [5, 5, 1, 1, 0, 0],
      [7, 7, 3, 3, 0, 0],
      [7, 7, 3, 3, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ]);
    expect(coincide(target, { ...target, affine: target.affine.map((v, i) => (i === 3 ? 0.01 : v)) })).toBe(true);
    expect(coincide(target, { ...target, affine: target.affine.map((v, i) => (i === 3 ? 0.2 : v)) })).toBe(false);
  });
});

describe('the zoo of NIfTI files', () => {
  const types = [
    ['uint8', 2, 8, 'setUint8'],
    ['int16', 4, 16, 'setInt16'],
    ['int32', 8, 32, 'setInt32'],
    ['float32', 16, 32, 'setFloat32'],
    ['float64', 64, 64, 'setFloat64'],
    ['int8', 256, 8, 'setInt8'],
    ['uint16', 512, 16, 'setUint16'],
    ['uint32', 768, 32, 'setUint32'],
    ['int64', 1024, 64, 'setBigInt64'],
    ['uint64', 1280, 64, 'setBigUint64'],
  ] as const;

  it.each(types)('%s, both byte orders, NIfTI-1 and NIfTI-2', async (name, datatype, bits, setter) => {
    for (const littleEndian of [true, false]) {
      for (const version of [1, 2] as const) {
        const dims = [3, 3, 2, 1, 1, 1, 1, 1];
        const header = rawHeader({ version, littleEndian, dims, datatype, bits, sformCode: 1, srow: AFFINES.RAS });
        const voxels = new DataView(new ArrayBuffer((6 * bits) / 8));
        for (let i = 0; i < 6; i++) {
          const value = 10 * i + 1;
          voxels[setter](
            (i * bits) / 8,
            (bits === 64 && name !== 'float64' ? BigInt(value) : value) as never,
            littleEndian,
          );
        }
        const file = path(`${name}-${littleEndian}-${version}.nii`);
        await writeFile(file, concatenate(header, new Uint8Array(voxels.buffer)));
        const service = new VolumeService(file);
        const [slice] = await service.slices(2, [0], 0, undefined);
        expect([...slice!.data]).toEqual([1, 11, 21, 31, 41, 51]);
        expect((await service.header()).warnings.join()).toMatch(/single slice/);
        // A volume of one voxel's thickness has slices in the other planes too.
        const [row] = await service.slices(0, [2], 0, undefined);
        expect([...row!.data]).toEqual([21, 51]);
      }
    }
  });

  it.each([
    ['RGB', 128, 24, /RGB24.*not supported/],
    ['complex', 32, 64, /complex64.*not supported/],
  ])('%s is refused with its reason', async (name, datatype, bits, reason) => {
    const file = path(`${name}.nii`);
    await writeFile(file, concatenate(rawHeader({ datatype, bits }), new Uint8Array(24 * 8)));
    await expectUserError(new VolumeService(file).header(), file, reason);
  });

  it('warns of forms that contradict each other and of a missing orientation', async () => {
    const file = path('forms.nii');
    const forms = {
      qformCode: 1,
      sformCode: 1,
      quaternion: [0, 0, 1],
      srow: AFFINES.oblique,
      pixdim: [1, 2, 3, 4, 1, 1, 1, 1],
    };
    await writeFile(file, concatenate(rawHeader(forms), new Uint8Array(48)));
    const told = await new VolumeService(file).header();
    expect(told.warnings.join()).toMatch(/contradict/);
    const at = told.rows.findIndex(({ name }) => name === 'Affine of the qform (LPS), not used');
    expect(told.rows.slice(at, at + 3).map(({ value }) => value.split(/ +/).filter(Boolean).map(Number))).toEqual([
      [-2, 0, 0, 0],
      [0, -3, 0, 0],
      [0, 0, 4, 0],
    ]);
    const bare = path('bare.nii');
    await writeFile(bare, concatenate(rawHeader({}), new Uint8Array(48)));
    expect((await new VolumeService(bare).header()).warnings.join()).toMatch(/no orientation/);
  });
});

describe('reduced volumes', () => {
  it('are means of blocks in canonical order, and lie where the volume lies', async () => {
    const file = path('reduce.nii');
    const volume = numbered(AFFINES.LPS!, [4, 6, 5]);
    await writeNifti(file, volume);
    const { grid, data } = await new VolumeService(file).reduced(0, 3);
    expect(grid.size).toEqual([2, 3, 3]);
    // The first block holds the file's last two x, last two y and first two z.
    expect(data[0]).toBe(Math.round(250 + 45 + 0.5));
    // The last block along z is one voxel thick.
    expect(data[2 * 6]).toBe(Math.round(250 + 45 + 4));
    const middle = applyAffine(volume.affine, [2.5, 4.5, 0.5]);
    toWorld(grid, [0, 0, 0]).forEach((mm, axis) => expect(mm).toBeCloseTo(middle[axis]!, 4));
  });

  it('of label maps hold labels only', async () => {
    const file = path('labelsTr/reduce.nii');
    await mkdir(dirname(file), { recursive: true });
    const data = Uint8Array.from({ length: 512 }, (_, i) => (i % 8 < 4 ? 0 : 9));
    await writeNifti(file, { data, shape: [1, 8, 8, 8], affine: numbered(AFFINES.RAS!).affine });
    const reduced = await new VolumeService(file).reduced(0, 3);
    expect([...new Set(reduced.data)].sort()).toEqual([0, 9]);
  });
});

describe('what the voxels tell', () => {
  const affine = numbered(AFFINES.RAS!).affine;

  it('recognises label maps, names them by the datalist, counts their voxels', async () => {
    const file = path('task/labelsTr/case1.nii.gz');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(path('task/dataset.json'), JSON.stringify({ labels: { background: 0, liver: 1, tumour: 2 } }));
    const data = new Uint8Array(1000);
    data.fill(1, 0, 100);
    data.fill(2, 100, 110);
    await writeNifti(file, { data, shape: [1, 10, 10, 10], affine });
    const { labels } = await new VolumeService(file).load();
    expect(labels?.map(({ value, name, voxels }) => [value, name, voxels])).toEqual([
      [0, 'background', 890],
      [1, 'liver', 100],
      [2, 'tumour', 10],
    ]);
    // An organ of the BTCV table keeps its colour under another number.
    expect(labels?.[1]?.colour).toBe('#c77b58');
    expect(new Set(labels?.map(({ colour }) => colour)).size).toBe(3);
  });

  it('falls back to the BTCV table where the path says so, and numbers fit', async () => {
    await mkdir(path('btcv'), { recursive: true });
    const file = path('btcv/plain.nii');
    await writeNifti(file, {
      data: Uint8Array.from({ length: 1000 }, (_, i) => i % 14),
      shape: [1, 10, 10, 10],
      affine,
    });
    const { labels } = await new VolumeService(file).load();
    expect(labels?.[11]?.name).toBe('pancreas');
  });

  it('takes images for images: Hounsfield units, many values, fractions', async () => {
    const ct = path('ct.nii');
    const air = (i: number): number => (i % 3 === 0 ? -1024 : (i % 400) - 150);
    await writeNifti(ct, { data: Int16Array.from({ length: 8000 }, (_, i) => air(i)), shape: [1, 20, 20, 20], affine });
    const statistics = await new VolumeService(ct).load();
    expect(statistics.labels).toBeUndefined();
    expect(statistics.hounsfield).toBe(true);
    expect(statistics.range).toEqual([-1024, 249]);
    // Air, a third of all voxels, does not widen the window.
    expect(statistics.window[0]).toBeGreaterThan(-151);
    expect(statistics.window[1]).toBeLessThanOrEqual(249);
    const grey = path('grey.nii');
    await writeNifti(grey, {
      data: Uint8Array.from({ length: 1000 }, (_, i) => i % 256),
      shape: [1, 10, 10, 10],
      affine,
    });
    expect((await new VolumeService(grey).load()).labels).toBeUndefined();
    const real = path('real.nii');
    await writeNifti(real, { data: Float32Array.from({ length: 8 }, (_, i) => i / 4), shape: [1, 2, 2, 2], affine });
    expect((await new VolumeService(real).load()).labels).toBeUndefined();
  });

  it('copes with volumes without a number and with one value', async () => {
    const nan = path('nan.nii');
    await writeNifti(nan, { data: new Float32Array(8).fill(NaN), shape: [1, 2, 2, 2], affine });
    expect((await new VolumeService(nan).load()).warnings).toEqual(['no voxel holds a number']);
    const flat = path('flat.nii');
    await writeNifti(flat, { data: new Float32Array(8).fill(2.5), shape: [1, 2, 2, 2], affine });
    const { warnings, window } = await new VolumeService(flat).load();
    expect(warnings).toEqual(['all voxels have the value 2.5']);
    expect(window[1]).toBeGreaterThan(window[0]);
  });

  it('applies slope and intercept to range and window, also a negative slope', async () => {
    const file = path('scaled.nii');
    const header = rawHeader({
      dims: [3, 10, 10, 10, 1, 1, 1, 1],
      slope: -2,
      intercept: 1,
      sformCode: 1,
      srow: AFFINES.RAS,
    });
    const stored = Int16Array.from({ length: 1000 }, (_, i) => i);
    await writeFile(file, concatenate(header, new Uint8Array(stored.buffer)));
    const service = new VolumeService(file);
    const { range, window } = await service.load();
    expect(range).toEqual([-1997, 1]);
    expect(window[0]).toBeLessThan(window[1]);
    expect(await service.header()).toMatchObject({ slope: -2, intercept: 1 });
  });
});

describe('files that are not fine', () => {
  it.each([
    ['empty.nii', new Uint8Array(0), /empty/],
    ['text.nii.gz', new TextEncoder().encode('hello'), /gzip/],
    ['claims.nii', rawHeader({ dims: [3, 1000, 1500, 1000, 1, 1, 1, 1] }), /truncated/],
    ['half.nii.gz', gzipSync(concatenate(rawHeader({}), new Uint8Array(48))).subarray(0, 40), /truncated|damaged/],
  ])('%s is refused with its reason', async (name, bytes, reason) => {
    const file = path(name);
    await writeFile(file, bytes);
    await expectUserError(new VolumeService(file).load(), file, reason);
  });

  it('shows the header of a file whose voxels are cut off', async () => {
    const file = path('cut.nii.gz');
    const voxels = Uint8Array.from({ length: 40_000 }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 24);
    const header = rawHeader({ dims: [3, 20, 20, 100, 1, 1, 1, 1], datatype: 2, bits: 8 });
    const whole = gzipSync(concatenate(header, voxels));
    await writeFile(file, whole.subarray(0, whole.length / 2));
    const service = new VolumeService(file);
    expect((await service.header()).grid.size).toEqual([20, 20, 100]);
    await expectUserError(service.load(), file, /truncated/);
  });

  it('parses a header that lies in the middle of a larger buffer', () => {
    const pool = Buffer.alloc(4096);
    pool.set(rawHeader({}), 1000);
    expect(parseHeader(pool.subarray(1000, 1000 + 352), 'x.nii', false).size).toEqual([2, 3, 4]);
  });
});

describe('volumes that are too large', () => {
  it.each(['large.nii', 'large.nii.gz'])('%s: shown with fewer voxels, each at its place', async (name) => {
    const file = path(name);
    const volume = numbered(AFFINES.LPS!, [9, 7, 6]);
    await writeNifti(file, volume);
    // 756 bytes of voxels; half of 700 is what they may take.
    const service = new VolumeService(file, () => 700);
    const { grid, storage, notice, rows } = await service.header();
    expect(storage.step).toEqual([2, 2, 1]);
    expect(grid.size).toEqual([5, 4, 6]);
    expect(notice).toMatch(/too large.*9×7×6 voxels 5×4×6 are shown, every 2nd along x, every 2nd along y/i);
    expect(rows.find(({ name }) => name === 'Dimensions')?.value).toBe('9×7×6');
    for (const z of [0, 5]) {
      const [slice] = await service.slices(2, [z], 0, undefined);
      for (let i = 0; i < slice!.data.length; i++) {
        const canonical: Vec3 = [i % slice!.width, Math.floor(i / slice!.width), z];
        const voxel = fileIndex(storage, grid.size, canonical);
        expect(slice!.data[i]).toBe(100 * voxel[0] + 10 * voxel[1] + voxel[2]);
        expect(canonicalIndex(storage, grid.size, voxel)).toEqual(canonical);
        const world = applyAffine(volume.affine as Affine, [...voxel]);
        toWorld(grid, canonical).forEach((mm, axis) => expect(mm).toBeCloseTo(world[axis]!, 4));
      }
    }
    expect((await new VolumeService(file, () => 1e9).header()).notice).toBeUndefined();
  });

  it('thins out the closest voxels first, and refuses what does not fit at all', async () => {
    const header = parseHeader(
      rawHeader({ dims: [3, 100, 100, 100, 1, 1, 1, 1], sformCode: 1, srow: AFFINES.RAS }),
      'x.nii',
      false,
    );
    // Voxels of 2 × 3 × 4 mm and two bytes.
    expect(stepsFor(header, 3e6, 'x.nii')).toEqual([1, 1, 1]);
    expect(stepsFor(header, 2e6, 'x.nii')).toEqual([2, 1, 1]);
    expect(stepsFor(header, 3e5, 'x.nii')).toEqual([4, 2, 2]);
    expect(() => stepsFor(header, 1, 'x.nii')).toThrow(/x\.nii: too large.*split/i);
  });

  it('every type and byte order, in several channels', async () => {
    for (const littleEndian of [true, false]) {
      const dims = [4, 5, 4, 3, 2, 1, 1, 1];
      const header = rawHeader({ littleEndian, dims, datatype: 16, bits: 32, sformCode: 1, srow: AFFINES.RAS });
      const voxels = new DataView(new ArrayBuffer(120 * 4));
      for (let i = 0; i < 120; i++) voxels.setFloat32(4 * i, i + 0.5, littleEndian);
      const file = path(`strides-${littleEndian}.nii.gz`);
      await writeFile(file, gzipSync(concatenate(header, new Uint8Array(voxels.buffer))));
      const { voxels: kept, header: small } = await readEveryNth(file, [2, 3, 2]);
      expect(small.size).toEqual([3, 2, 2]);
      const wanted: number[] = [];
      for (const c of [0, 1]) {
        for (const z of [0, 2])
          for (const y of [0, 3]) for (const x of [0, 2, 4]) wanted.push(x + 5 * y + 20 * z + 60 * c);
      }
      expect([...kept]).toEqual(wanted.map((value) => value + 0.5));
    }
  });

  it('a claim of 3 GB in a file that has less is refused before memory is taken', async () => {
    const file = path('claims.nii.gz');
    await writeFile(file, gzipSync(rawHeader({ dims: [3, 1000, 1500, 1000, 1, 1, 1, 1] })));
    await expectUserError(
      new VolumeService(file).header(),
      file,
      /3000000352 bytes.*truncated or its header is corrupt/,
    );
  });

  it('says that the voxels end too early also when only some are kept', async () => {
    const file = path('early.nii.gz');
    const noise = Uint8Array.from({ length: 30_000 }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 24);
    const header = rawHeader({ dims: [3, 20, 20, 100, 1, 1, 1, 1], datatype: 2, bits: 8 });
    await writeFile(file, gzipSync(concatenate(header, noise)));
    await expectUserError(new VolumeService(file, () => 9000).load(), file, /truncated: 40000 bytes.*30000 found/);
  });
});

it('an image on top is interpolated between its voxels, and nothing outside of it', async () => {
  const file = path('warm.nii');
  const affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
  // The value is x + 10 y + 100 z in millimetres: linear, so that interpolation is exact.
  const data = Float32Array.from(
    { length: 27 },
    (_, i) => 2 * (Math.floor(i / 9) + 10 * (Math.floor(i / 3) % 3) + 100 * (i % 3)),
  );
  await writeNifti(file, { data: data.map((v) => v + 0.25), shape: [1, 3, 3, 3], affine: Float64Array.from(affine) });
  const target = { size: [7, 5, 5] as Vec3, affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
  const [slice] = await new VolumeService(file).slices(2, [3], 0, target);
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 5; x++) expect(slice!.data[7 * y + x]).toBeCloseTo(x + 10 * y + 300.25, 3);
    expect(slice!.data[7 * y + 6]).toBeNaN();
  }
});

it('the range is that of all voxels, not of a sample', async () => {
  const file = path('spike.nii');
  const data = new Int16Array(128 ** 3).fill(3);
  data[1_000_001] = 30_000;
  data[77_776] = -20_000;
  await writeNifti(file, { data, shape: [1, 128, 128, 128], affine: numbered(AFFINES.RAS!).affine });
  expect(await new VolumeService(file).range()).toEqual([-20_000, 30_000]);
  // Two voxels of another value are enough for a volume not to be called empty.
  expect((await new VolumeService(file).load()).warnings).toEqual([]);
});

describe('the label file of an image', () => {
  it('is found in the sibling folder or beside it', async () => {
    for (const name of ['a/imagesTr/img0001.nii.gz', 'a/labelsTr/label0001.nii.gz', 'b/ct.nii.gz', 'b/label.nii.gz']) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), '');
    }
    expect(await siblingLabels(path('a/imagesTr/img0001.nii.gz'))).toBe(path('a/labelsTr/label0001.nii.gz'));
    expect(await siblingLabels(path('b/ct.nii.gz'))).toBe(path('b/label.nii.gz'));
    expect(await siblingLabels(path('b/label.nii.gz'))).toBeUndefined();
  });
});

it('shows the same values as readVolume', async () => {
  const file = path('same.nii.gz');
  await writeNifti(file, numbered(AFFINES.LPS!));
  const { volume } = await readVolume(file);
  const [slice] = await new VolumeService(file).slices(2, [2], 0, undefined);
  // Canonical (0, 0, 2) is the file's (3, 4, 2).
  expect(slice!.data[0]).toBe(volume.data[3 * 30 + 4 * 6 + 2]);
});
