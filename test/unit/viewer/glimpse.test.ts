import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { canonicalView, extractSlice } from '../../../src/viewer/canonical';
import { glimpseOf, planesToShow } from '../../../src/viewer/glimpse';
import { VolumeService } from '../../../src/viewer/service';
import type { GrowingVoxels } from '../../../src/volume';
import { readVoxels } from '../../../src/volume';
import { expand, Glimpses } from '../../../webview/volume/glimpses';
import { concatenate, rawHeader, temporaryFolder } from '../volume/support';

const path = temporaryFolder();
const SIZE = [40, 30, 50] as const;
/** Axes towards left, posterior and inferior. */
const srow = [-2, 0, 0, 0, 0, -2, 0, 0, 0, 0, -3, 0];
/** Noise, which gzip can't make small, above a plane's number. */
const stored = Int16Array.from({ length: SIZE[0] * SIZE[1] * SIZE[2] }, (_, i) => {
  const plane = Math.floor(i / (SIZE[0] * SIZE[1]));
  return 100 * plane + ((Math.imul(i, 0x9e3779b9) >>> 24) % 100);
});
const bytesOf = (extra: object = {}): Uint8Array =>
  concatenate(
    rawHeader({ dims: [3, ...SIZE, 1, 1, 1, 1], sformCode: 1, srow, ...extra }),
    new Uint8Array(stored.buffer),
  );

/** Reads a file, and gives what could be seen when the reading ended. */
async function grown(file: string): Promise<GrowingVoxels> {
  let growing: GrowingVoxels | undefined;
  await readVoxels(file, (one) => (growing = one)).catch(() => undefined);
  return growing!;
}

describe('a volume that is being read', () => {
  it('is seen as far as the file was inflated, each plane in its place', async () => {
    const whole = gzipSync(bytesOf());
    await writeFile(path('half.nii.gz'), whole.subarray(0, 0.6 * whole.length));
    const growing = await grown(path('half.nii.gz'));
    expect(growing.share).toBeGreaterThan(0.4);
    expect(growing.share).toBeLessThan(0.8);
    const there = growing.planes.lastIndexOf(1) + 1;
    expect([...growing.planes]).toEqual(Array.from({ length: 50 }, (_, plane) => (plane < there ? 1 : 0)));
    const view = canonicalView(growing.header);
    const { slices, values } = glimpseOf(growing, view, [20, 15, 49 - there + 1]);
    expect(slices.map(({ plane }) => plane)).toEqual([0, 1, 2]);
    const full = extractSlice(stored, view, 0, 1, 15);
    // The file's first planes are the patient's upper ones: canonical rows count from below.
    slices[1]!.data.forEach((value, i) => {
      const row = Math.floor(i / 40);
      expect(value).toBe(row >= 50 - there ? full.data[i] : Number.NaN);
    });
    expect([...slices[2]!.data]).toEqual([...extractSlice(stored, view, 0, 2, 50 - there).data]);
    expect(values!.range[1]).toBeLessThan(100 * there);
    expect(glimpseOf(growing, view, [20, 15, 0]).slices[2]!.data.every(Number.isNaN)).toBe(true);
  });

  it('has nothing to show while the byte order is not the machine’s', async () => {
    await writeFile(path('big.nii'), bytesOf({ littleEndian: false }));
    const growing = await grown(path('big.nii'));
    expect(growing.share).toBe(1);
    expect(glimpseOf(growing, canonicalView(growing.header), [0, 0, 0])).toEqual({ share: 1, slices: [] });
  });

  it('of a large file that is not compressed some planes over all of it come first', async () => {
    const size = [256, 256, 160] as const;
    const voxels = new Int16Array(size[0] * size[1] * size[2]);
    for (let z = 0; z < size[2]; z++) voxels.fill(z + 1, z * 65_536, (z + 1) * 65_536);
    const header = rawHeader({
      dims: [3, ...size, 1, 1, 1, 1],
      sformCode: 1,
      srow: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    });
    await writeFile(path('large.nii'), concatenate(header, new Uint8Array(voxels.buffer)));
    let first: number[] | undefined;
    await readVoxels(path('large.nii'), (growing) => {
      // The share is told when reading in order has begun.
      const told = (): void =>
        void (first ??= [...growing.planes.keys()].filter((plane) => growing.planes[plane] === 1));
      Object.defineProperty(growing, 'share', { set: told });
    });
    expect(first).toEqual(Array.from({ length: 32 }, (_, n) => 5 * n));
  });

  it('each plane is shown by itself, or by the nearest within reach', () => {
    expect([...planesToShow(Uint8Array.of(0, 0, 1, 0, 0, 0, 1, 1), 2)]).toEqual([2, 2, 2, 2, 2, 6, 6, 7]);
    expect([...planesToShow(Uint8Array.of(1, 0, 0), 0)]).toEqual([0, -1, -1]);
  });

  it('is thinned out for the way, and expanded on the page', async () => {
    const growing: GrowingVoxels = {
      header: { ...(await grown(path('half.nii.gz'))).header, size: [400, 2, 1] },
      voxels: Int16Array.from({ length: 800 }, (_, i) => i),
      planes: Uint8Array.of(1),
      share: 1,
    };
    const [, , axial] = glimpseOf(growing, canonicalView({ ...growing.header, affine: identity() }), [0, 0, 0]).slices;
    expect(axial).toMatchObject({ step: 3, width: 134, height: 1 });
    const { data } = expand(axial!, { width: 400, height: 2 });
    expect([data[0], data[2], data[3], data[399], data[400]]).toEqual([0, 0, 3, 399, 0]);
  });

  it('the service has no glimpse of a volume that is there', async () => {
    await writeFile(path('whole.nii.gz'), gzipSync(bytesOf()));
    const service = new VolumeService(path('whole.nii.gz'));
    await service.load();
    expect(await service.glimpse([0, 0, 0])).toBeNull();
  });

  it('the page looks until the voxels are there', async () => {
    let left = 3;
    let arrived = 0;
    const slice = { plane: 2, index: 7, step: 1, width: 1, height: 1, data: Float32Array.of(5) } as const;
    const glimpses = new Glimpses(
      () => Promise.resolve({ share: 0.5, slices: [slice] }),
      () => ({ width: 1, height: 1 }),
      () => (arrived += 1),
    );
    await glimpses.watch(() => (left -= 1) < 0);
    expect(arrived).toBe(1);
    expect(glimpses.slice(2, 7)?.data[0]).toBe(5);
    expect(glimpses.slice(2, 8)).toBeUndefined();
  });
});

function identity(): Float64Array {
  return Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}
