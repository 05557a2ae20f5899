import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildState, sourceFiles, sourceHash } from '../../../native/build.mjs';

const native = join(import.meta.dirname, '../../../native');
const root = mkdtempSync(join(tmpdir(), 'voco-native-'));
const copy = join(root, 'native');

beforeAll(() => cpSync(native, copy, { recursive: true, filter: (file) => relative(native, file) !== 'build' }));
afterAll(() => rmSync(root, { recursive: true }));

/** Found in another way than `sourceFiles` finds them. */
function walk(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = join(folder, name);
    return statSync(file).isDirectory() ? walk(file) : [file];
  });
}

describe('the stamp of the native engine', () => {
  it('covers every source, whatever its kind', () => {
    const sources = walk(join(native, 'src')).map((file) => relative(native, file));
    expect(new Set(sources.map((file) => extname(file)))).toEqual(new Set(['.cc', '.h', '.inl']));
    expect(sourceFiles()).toEqual(expect.arrayContaining([...sources, 'binding.gyp', 'build.mjs']));
    expect(sourceFiles().filter((file) => file.startsWith('build/'))).toEqual([]);
  });

  it('is another one after an edit of any source, and the same for the same sources', () => {
    expect(sourceHash(copy)).toBe(sourceHash());
    const seen = new Set([sourceHash(copy)]);
    for (const file of walk(copy)) {
      appendFileSync(file, '\n');
      const now = sourceHash(copy);
      expect(seen.has(now), basename(file)).toBe(false);
      seen.add(now);
    }
  });

  it('tells an addon of these sources from an older one', () => {
    expect(buildState(copy)).toBe('missing');
    const release = join(copy, 'build/Release');
    mkdirSync(release, { recursive: true });
    writeFileSync(join(release, 'voco_onednn.node'), '');
    expect(buildState(copy)).toBe('unknown');
    writeFileSync(join(release, 'voco_onednn.stamp'), sourceHash(copy));
    expect(buildState(copy)).toBe('current');
    appendFileSync(join(copy, 'src/kernels/winograd.inl'), '// another line\n');
    expect(buildState(copy)).toBe('stale');
  });
});
