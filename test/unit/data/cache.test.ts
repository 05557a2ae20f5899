import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheKey } from '../../../src/data/cache/key';
import { VolumeCache, cacheFolder, cacheStatus, emptyCache } from '../../../src/data/cache/volumeCache';
import { RandomStream } from '../../../src/random/random';
import type { Volume } from '../../../src/volume/types';

const root = mkdtempSync(join(tmpdir(), 'voco-cache-'));
const folder = join(root, 'cache');
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(() => rmSync(folder, { recursive: true, force: true }));

const KEY = 'ab'.repeat(32);
const entryFile = join(folder, 'ab', `${KEY}.vol`);

function volume(): Volume<Float32Array> {
  const random = new RandomStream(1);
  const affine = Float64Array.from([1.5, 0, 0, -3.25, 0, 1.5, 0, 7, 0, 0, 3, 1e-9, 0, 0, 0, 1]);
  return { data: Float32Array.from({ length: 210 }, () => random.normal()), shape: [2, 3, 5, 7], affine };
}

describe('volume cache', () => {
  it('returns what was stored, bit for bit', async () => {
    const cache = new VolumeCache(folder);
    expect(await cache.get(KEY)).toBeUndefined();
    await cache.put(KEY, volume());
    const read = await cache.get(KEY);
    expect(read).toEqual(volume());
    expect(read!.data.byteOffset % 64).toBe(0);
    expect(readdirSync(join(folder, 'ab'))).toEqual([`${KEY}.vol`]);
  });

  it('stores a view of a larger buffer', async () => {
    const whole = volume();
    const view = { ...whole, shape: [1, 3, 5, 7] as const, data: whole.data.subarray(105) };
    const cache = new VolumeCache(folder);
    await cache.put(KEY, view);
    expect((await cache.get(KEY))!.data).toEqual(Float32Array.from(whole.data.slice(105)));
  });

  it('never uses a torn or damaged entry, and removes it', async () => {
    const cache = new VolumeCache(folder);
    await cache.put(KEY, volume());
    const whole = readFileSync(entryFile);
    const damaged: Buffer[] = [Buffer.alloc(0), whole.subarray(0, 10), Buffer.concat([whole, Buffer.alloc(4)])];
    for (const at of [0, 9, 13, 17, 30, whole.length - 840, whole.length - 1]) {
      const copy = Buffer.from(whole);
      copy[at]! ^= 0x10;
      damaged.push(copy);
    }
    for (const content of damaged) {
      writeFileSync(entryFile, content);
      expect(await cache.get(KEY)).toBeUndefined();
      expect(existsSync(entryFile)).toBe(false);
    }
    writeFileSync(entryFile, whole);
    truncateSync(entryFile, whole.length - 4);
    expect(await cache.get(KEY)).toBeUndefined();
  });

  it('does not take an entry that was renamed to another key', async () => {
    const cache = new VolumeCache(folder);
    await cache.put(KEY, volume());
    const other = 'ab' + 'cd'.repeat(31);
    writeFileSync(join(folder, 'ab', `${other}.vol`), readFileSync(entryFile));
    expect(await cache.get(other)).toBeUndefined();
  });

  it('names the file when it cannot be written', async () => {
    writeFileSync(join(root, 'plain'), '');
    await expect(new VolumeCache(join(root, 'plain')).put(KEY, volume())).rejects.toThrow(/plain.*\.vol: cannot write/);
  });

  it('tells its size and empties itself, leaving other files alone', async () => {
    expect(await cacheStatus(folder)).toEqual({ folder, entries: 0, bytes: 0 });
    const cache = new VolumeCache(folder);
    await cache.put(KEY, volume());
    await cache.put('cd'.repeat(32), volume());
    writeFileSync(join(folder, 'ab', 'notes.txt'), 'keep');
    writeFileSync(join(folder, 'ab', `${KEY}.vol.12-1.tmp`), 'x'.repeat(100));
    const status = await cacheStatus(folder);
    expect(status.entries).toBe(2);
    expect(status.bytes).toBeGreaterThan(2 * 840);
    expect(await emptyCache(folder)).toEqual(status);
    expect(await cacheStatus(folder)).toEqual({ folder, entries: 0, bytes: 0 });
    expect(readdirSync(join(folder, 'ab'))).toEqual(['notes.txt']);
  });

  it('lies where the environment says', () => {
    vi.stubEnv('VOCO_CACHE_DIR', join(root, 'env'));
    expect(cacheFolder('/configured')).toBe(join(root, 'env'));
    vi.stubEnv('VOCO_CACHE_DIR', '');
    expect(cacheFolder('/configured')).toBe('/configured');
    vi.stubEnv('XDG_CACHE_HOME', join(root, 'xdg'));
    expect(cacheFolder(null)).toBe(join(root, 'xdg', 'voco'));
    vi.unstubAllEnvs();
  });
});

describe('cache keys', () => {
  const file = join(root, 'a.nii');

  it('change with the file and with the settings, not with the order of keys', async () => {
    writeFileSync(file, 'one');
    utimesSync(file, 1000, 1000);
    const settings = { spacing: [1, 1, 1], orientation: 'RAS' };
    const key = await cacheKey([file], settings);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await cacheKey([file], { orientation: 'RAS', spacing: [1, 1, 1] })).toBe(key);
    expect(await cacheKey([file], { ...settings, spacing: [1, 1, 2] })).not.toBe(key);
    expect(await cacheKey([file, file], settings)).not.toBe(key);
    utimesSync(file, 1000, 1000.5);
    expect(await cacheKey([file], settings)).not.toBe(key);
    utimesSync(file, 1000, 1000);
    expect(await cacheKey([file], settings)).toBe(key);
    writeFileSync(file, 'other');
    utimesSync(file, 1000, 1000);
    expect(await cacheKey([file], settings)).not.toBe(key);
  });

  it('need the file', async () => {
    await expect(cacheKey([join(root, 'gone.nii')], {})).rejects.toThrow(
      /gone\.nii: cannot read the file: no such file/,
    );
  });
});
