import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors/userError';
import { jsonDepth, parseJson } from '../../src/files/json';
import { availableMemory, checkMemory } from '../../src/files/memory';
import { openRegular, readRegular } from '../../src/files/regular';
import { loadConfig } from '../../src/config';
import { openWeights } from '../../src/runs/import';
import { readVolume } from '../../src/volume';
import { linux, needs, posix } from '../support/needs';

const folder = (): string => mkdtempSync(join(tmpdir(), 'voco-files-'));

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  expect(message).not.toContain('\n');
  return message;
}

needs(posix).describe('what is no file is refused, and nothing waits for it', () => {
  const readers: [string, (file: string) => Promise<unknown>][] = [
    ['text', (file) => readRegular(file)],
    ['a config', (file) => loadConfig(file)],
    ['weights', (file) => openWeights(file)],
    ['a volume', (file) => readVolume(file)],
  ];
  test.each(readers)('%s', async (_what, read) => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await refusal(read(pipe))).toMatch(new RegExp(`^${pipe}: is a pipe, not a regular file`));
    expect(await refusal(read('/dev/zero'))).toMatch(/^\/dev\/zero: is a device, not a regular file/);
    const socket = join(folder(), 'socket');
    const server = createServer().listen(socket);
    await new Promise((done) => server.once('listening', done));
    expect(await refusal(read(socket))).toMatch(/is a socket, not a regular file/);
    server.close();
  });

  needs(linux).test('files of /proc', async () => {
    for (const [, read] of readers) {
      expect(await refusal(read('/proc/self/environ'))).toMatch(/is a file of the system, not a regular file/);
    }
  });

  test('an empty file is one', async () => {
    const file = join(folder(), 'empty');
    writeFileSync(file, '');
    await (await openRegular(file)).close();
    expect(await readRegular(file)).toHaveLength(0);
    writeFileSync(file, 'abc');
    expect(await refusal(readRegular(file, 'read it', 2))).toMatch(/cannot read it: 3 bytes are too many/);
  });
});

describe('free memory', () => {
  afterEach(() => delete process.env.VOCO_MEMORY);

  test('is at most what a person says', () => {
    for (const [text, bytes] of [['1000000', 1e6], ['2K', 2048], ['1.5M', 1572864], ['3MiB', 3145728]] as const) {
      process.env.VOCO_MEMORY = text;
      expect(availableMemory()).toBe(bytes);
    }
    process.env.VOCO_MEMORY = 'nonsense';
    expect(availableMemory()).toBeGreaterThan(1e7);
  }); // prettier-ignore

  test('is compared with what would be held', () => {
    process.env.VOCO_MEMORY = '100M';
    checkMemory(1e8, 'a.nii', 'x would');
    expect(() => checkMemory(2e8, 'a.nii', '10×10 voxels would')).toThrow(
      'a.nii: 10×10 voxels would take 200 MB of memory, and 105 MB are free: refused',
    );
    expect(() => checkMemory(Number.NaN, 'a.nii', 'x would')).toThrow(/x would take not a number/);
  });
});

describe('JSON', () => {
  const deep = '['.repeat(1e5) + ']'.repeat(1e5);
  test('of any depth is refused beyond a limit, without the stack', () => {
    expect(jsonDepth(deep)).toBe(1e5);
    expect(() => parseJson(deep)).toThrow('nested more than 200 deep');
    expect(parseJson(`[${'[],'.repeat(300)}1]`)).toHaveLength(301);
    expect(parseJson(JSON.stringify({ a: '[[[["', b: ['\\', '\\"['] }), { depth: 2 })).toEqual({
      a: '[[[["',
      b: ['\\', '\\"['],
    });
  });

  test('with more values than allowed, and with a key that stands twice', () => {
    expect(() => parseJson('[1,2,3]', { values: 2 })).toThrow('more than 2 values');
    expect(() => parseJson('{"a":1,"b":{"a":1},"a":2}', { uniqueKeys: true })).toThrow('the key "a" stands twice');
    expect(parseJson('{"a":1,"b":{"a":1},"c":["a","a"]}', { uniqueKeys: true })).toMatchObject({ a: 1 });
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  test('leaves prototypes alone', () => {
    const value = parseJson('{"__proto__":{"x":1}}') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});
