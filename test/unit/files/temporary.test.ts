import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically, writeFileAtomically } from '../../../src/files/atomic';
import { removeStale, withTemporaryFolder } from '../../../src/files/temporary';
import { temporaryName } from '../../../src/files/temporaryName';

const root = mkdtempSync(join(tmpdir(), 'voco-temporary-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

/** A name as another process, kernel, container or machine would have made it. */
async function nameOf(change: { machine?: string; boot?: string; namespace?: string; pid?: number }): Promise<string> {
  const own = await temporaryName(join(folder, 'weights.pt'));
  const parts = /^(.*\.voco-)(\w+)-(\w+)-(\w+)-(\d+)(-\d+-\d+\.tmp)$/.exec(own)!;
  const { machine = parts[2], boot = parts[3], namespace = parts[4], pid = parts[5] } = change;
  const file = `${parts[1]}${machine}-${boot}-${namespace}-${pid}${parts[6]}`;
  writeFileSync(file, 'half of it');
  return file;
}

/** The number of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;
const days = (count: number): Date => new Date(Date.now() - count * 24 * 3_600_000);

describe('what an interrupted write has left', () => {
  it('goes when its process has ended, and at the next write into the folder', async () => {
    const dead = await nameOf({ pid: deadPid() });
    await writeFileAtomically(join(folder, 'new.txt'), 'content');
    expect(existsSync(dead)).toBe(false);
    expect(readdirSync(folder)).toEqual(['new.txt']);
  });

  it('stays while its process lives', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const files = [await nameOf({ pid: child.pid! }), await nameOf({})];
    try {
      await removeStale(folder, { owned: true });
      expect(files.every((file) => existsSync(file))).toBe(true);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await removeStale(folder);
    expect(files.map((file) => existsSync(file))).toEqual([false, true]);
  });

  it('goes after a new start of the machine, whatever number its process had', async () => {
    const file = await nameOf({ boot: 'abcdef' });
    await removeStale(folder);
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ['another machine', { machine: 'abcdef' }],
    ['another container', { namespace: 'abcdef' }],
  ])('stays where %s may still write it, for a week, or until the folder is owned', async (_, change) => {
    const pid = deadPid();
    const file = await nameOf({ ...change, pid });
    utimesSync(file, days(6), days(6));
    await removeStale(folder);
    expect(existsSync(file)).toBe(true);
    utimesSync(file, days(8), days(8));
    await removeStale(folder);
    expect(existsSync(file)).toBe(false);
    const owned = await nameOf({ ...change, pid });
    await removeStale(folder, { owned: true });
    expect(existsSync(owned)).toBe(false);
  });

  it('is told from what a person made', async () => {
    const names = ['notes.tmp', 'scan.12-3.tmp', 'voco-1-2.tmp'];
    for (const name of names) {
      writeFileSync(join(folder, name), 'mine');
      utimesSync(join(folder, name), days(100), days(100));
    }
    await removeStale(folder);
    expect(readdirSync(folder).sort()).toEqual([...names].sort());
  });
});

it('names of any length can be written', async () => {
  const name = `${'ä'.repeat(120)}.nii`;
  await writeFileAtomically(join(folder, name), 'content');
  expect(readdirSync(folder)).toEqual([name]);
});

it('a write that fails leaves nothing', async () => {
  const failing = writeAtomically(join(folder, 'a.bin'), async (handle) => {
    await handle.writeFile('half');
    throw new Error('no more');
  });
  await expect(failing).rejects.toThrow('no more');
  expect(readdirSync(folder)).toEqual([]);
});

it('a temporary folder is removed, and so is one of a process that was killed', async () => {
  const seen = await withTemporaryFolder('voco-test', (path) => {
    mkdirSync(join(path, 'inner'));
    return Promise.resolve(path);
  });
  expect(existsSync(seen)).toBe(false);
});

describe('what a thread of a program was writing', () => {
  const program = join(root, 'program.cjs');
  beforeAll(() => {
    const contents = `
      import { existsSync, readdirSync } from 'node:fs';
      import { isMainThread, Worker } from 'node:worker_threads';
      import { writeAtomically } from './src/files/atomic';
      import { removeOnSignals } from './src/files/temporary';
      const [folder, how] = process.argv.slice(2);
      const begun = () => readdirSync(folder).length > 0;
      if (isMainThread) {
        removeOnSignals();
        const worker = new Worker(__filename, { argv: [folder] });
        if (how === 'busy') {
          while (!begun());
          process.exit(0);
        }
        const timer = setInterval(async () => {
          if (!begun()) return;
          clearInterval(timer);
          if (how === 'ended') await worker.terminate();
          if (how === 'ended') process.exit(0);
          process.stdout.write('begun');
        }, 1);
      } else {
        // Never ends.
        setInterval(() => undefined, 1000);
        void writeAtomically(folder + '/large.vol', () => new Promise(() => undefined));
      }`;
    buildSync({
      stdin: { contents, resolveDir: resolve(import.meta.dirname, '../../..') },
      ...{ bundle: true, platform: 'node', format: 'cjs', outfile: program, logLevel: 'error' },
    });
  });

  it.each([
    ['goes at a signal', 'signal', 130],
    ['goes at the end of a program that has ended the thread', 'ended', 0],
    ['goes when a program ends before it could listen to the thread', 'busy', 0],
  ])('%s', async (_, how, code) => {
    const child = spawn(process.execPath, [program, folder, how], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect((await once(child, 'exit'))[0]).toBe(code);
    expect(readdirSync(folder)).toEqual([]);
  });
});
