import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isOwnRun, readRunState, runFiles, RunStateFile } from '../../../src/runs';
import { readLaunch, writeLaunch, type Launch } from '../../../src/runs/launch';
import { readOwner } from '../../../src/runs/ownership';
import { sealFits, sealOf } from '../../../src/runs/seal';
import { newRun, temporaryFolder } from './support';
import { needs, posix } from '../../support/needs';

const before = process.env.VOCO_STATE_DIR;
let home: string;
beforeEach(() => (process.env.VOCO_STATE_DIR = home = join(temporaryFolder(), 'state')));
afterEach(() => (process.env.VOCO_STATE_DIR = before));

const own = async (dir: string): Promise<boolean> => isOwnRun(dir, await readRunState(dir));
const launch: Launch = { configFile: '/c.json', device: 'cpu', host: hostname(), args: ['--checkpoint', 'a'] };

/** Changes a JSON file as somebody else would. */
function edit(file: string, change: object): void {
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }));
}

describe('the key', () => {
  test('is made once, for this user alone', async () => {
    const folder = temporaryFolder();
    const seal = await sealOf(folder, 'x', [1]);
    expect(await sealOf(folder, 'x', [1])).toBe(seal);
    expect(readdirSync(home)).toEqual(['run-key']);
    if (process.platform !== 'win32') {
      expect(statSync(join(home, 'run-key')).mode & 0o777).toBe(0o600);
      expect(statSync(home).mode & 0o777).toBe(0o700);
    }
  });

  test('is the same for programs that make it at once', async () => {
    const [folder, bundle] = [temporaryFolder(), join(temporaryFolder(), 'seal.cjs')];
    const entryPoints = [join(import.meta.dirname, '../../../src/runs/seal.ts')];
    await build({ entryPoints, bundle: true, platform: 'node', format: 'cjs', outfile: bundle, logLevel: 'error' });
    const script = `
      const { spawn } = require('node:child_process');
      const one = "require(process.argv[1]).sealOf(process.argv[2], 'x', []).then((seal) => console.log(seal))";
      for (let i = 0; i < 6; i++) spawn(process.execPath, ['-e', one, ...process.argv.slice(1)], { stdio: 'inherit' });`;
    const { stdout } = spawnSync(process.execPath, ['-e', script, bundle, folder], { encoding: 'utf8' });
    const seals = stdout.trim().split('\n');
    expect(seals).toHaveLength(6);
    expect(new Set(seals)).toEqual(new Set([await sealOf(folder, 'x', [])]));
    expect(readdirSync(home)).toEqual(['run-key']);
  });

  needs(posix).test('that others can read is none', async () => {
    const folder = temporaryFolder();
    await sealOf(folder, 'x', []);
    const other = join(temporaryFolder(), 'state');
    cpSync(home, other, { recursive: true });
    chmodSync(join(other, 'run-key'), 0o644);
    process.env.VOCO_STATE_DIR = other;
    await expect(sealOf(folder, 'x', [])).rejects.toThrow(/others can read this key.*delete it/);
  });

  test('is not made by looking, and without one nothing fits', async () => {
    const folder = temporaryFolder();
    expect(await sealFits('x', folder, 'x', [])).toBe(false);
    expect(existsSync(home)).toBe(false);
  });
});

describe('a run is this user’s own', () => {
  test('when it was made here, also while it runs', async () => {
    const dir = await newRun(temporaryFolder());
    expect(await own(dir)).toBe(true);
    const file = await RunStateFile.open(dir);
    await file.claim();
    await file.update({ state: 'running', step: 3, loss: 1 });
    expect(await own(dir)).toBe(true);
    await file.release();
  });

  test('and no longer once it was copied or moved, or its process was replaced', async () => {
    const root = temporaryFolder();
    const dir = await newRun(root);
    cpSync(dir, join(root, 'copy'), { recursive: true });
    expect(await own(join(root, 'copy'))).toBe(false);
    edit(runFiles(dir).state, { pid: process.ppid, host: hostname() });
    expect(await own(dir)).toBe(false);
    const other = await newRun(root);
    renameSync(other, join(root, 'moved'));
    expect(await own(join(root, 'moved'))).toBe(false);
  });

  test('not with another user’s key, nor with the seal of another file', async () => {
    const dir = await newRun(temporaryFolder());
    process.env.VOCO_STATE_DIR = join(temporaryFolder(), 'state');
    expect(await own(dir)).toBe(false);
    const seal = await sealOf(dir, 'launch', [1]);
    expect([await sealFits(seal, dir, 'launch', [1]), await sealFits(seal, dir, 'run', [1])]).toEqual([true, false]);
    for (const odd of [undefined, 1, '', 'é'.repeat(64), {}])
      expect(await sealFits(odd, dir, 'launch', [1])).toBe(false);
  });

  test('again when this user resumes it, which is said', async () => {
    const root = temporaryFolder();
    const dir = await newRun(root);
    edit(runFiles(dir).state, { state: 'failed', pid: 4, host: 'elsewhere', seal: 'f'.repeat(64) });
    const said: string[] = [];
    const file = await RunStateFile.open(dir);
    await file.claim({}, { say: (text) => said.push(text) });
    expect(said).toEqual([`${dir}: this run comes from elsewhere; it is yours from now on`]);
    expect(await own(dir)).toBe(true);
    await file.release();
  });

  test('where the home can hold no key it runs all the same, and that is said', async () => {
    process.env.VOCO_STATE_DIR = join(temporaryFolder(), 'file');
    writeFileSync(process.env.VOCO_STATE_DIR, '');
    const dir = await newRun(temporaryFolder());
    const said: string[] = [];
    const file = await RunStateFile.open(dir);
    await file.claim({}, { say: (text) => said.push(text) });
    expect(said).toEqual([expect.stringMatching(/run-key: cannot read the key.*cannot control it$/)]);
    expect(await readOwner(dir)).toMatchObject({ pid: process.pid });
    await file.release();
  });
});

describe('how a run is started', () => {
  test('is read back where it was written', async () => {
    const dir = await newRun(temporaryFolder());
    await writeLaunch(dir, launch);
    expect(await readLaunch(dir)).toEqual(launch);
  });

  test.each([
    { args: ['--checkpoint', 'evil'] },
    { pid: process.ppid },
    { host: 'x' },
    { seal: undefined },
    { seal: 3 },
  ])('is not taken from elsewhere: %j', async (change) => {
    const dir = await newRun(temporaryFolder());
    await writeLaunch(dir, launch);
    edit(runFiles(dir).launch, change);
    expect(await readLaunch(dir)).toBeUndefined();
  });
});

test('a process of this machine that this user did not start needs --take-over', async () => {
  const dir = await newRun(temporaryFolder());
  edit(runFiles(dir).state, { state: 'running', pid: process.ppid, pidStart: '', host: hostname() });
  const file = await RunStateFile.open(dir);
  await expect(file.claim()).rejects.toThrow(/you did not start.*--take-over/);
  await file.claim({}, { takeOver: true });
  expect(await readRunState(dir)).toMatchObject({ pid: process.pid });
  await file.release();
});
