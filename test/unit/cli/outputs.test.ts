import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseCommandLine } from '../../../src/cli/command';
import { commands } from '../../../src/cli/commands';
import { presetConfig } from '../../../src/config';
import { makePhantom } from '../../../src/data/phantom';
import { UsageError } from '../../../src/errors/userError';
import { writeSafetensors } from '../../../src/runs';

const program = join(import.meta.dirname, '../../../dist/voco.cjs');
const root = mkdtempSync(join(tmpdir(), 'voco-cli-outputs-'));
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await makePhantom({ out: join(root, 'data'), cases: 1, size: [64, 64, 32] });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(async () => {
  folder = mkdtempSync(join(root, 'case-'));
  writeFileSync(at('ct.nii.gz'), readFileSync(join(root, 'data/imagesTr/img0001.nii.gz')));
  const config = JSON.stringify(presetConfig('btcv'));
  await writeSafetensors(at('net.safetensors'), [], { kind: 'finetune', config });
});

interface Writing {
  /** The command line that writes to `out`. */
  args(out: string): string[];
  /** A value of `out`, and the first file that is written for it. */
  readonly out: string;
  readonly file: string;
  /** A file that is read and that `--out` could name. */
  readonly reads?: string;
}

/** Every command that writes where a person says. */
const WRITING: Readonly<Record<string, Writing>> = {
  segment: {
    args: (out) => [at('ct.nii.gz'), '--checkpoint', at('net.safetensors'), '--out', out],
    ...{ out: 'label.nii.gz', file: 'label.nii.gz', reads: 'ct.nii.gz' },
  },
  convert: {
    args: (out) => [at('ct.nii.gz'), '--out', out],
    ...{ out: 'volume.nii.gz', file: 'volume.nii.gz', reads: 'ct.nii.gz' },
  },
  export: {
    args: (out) => [at('net.safetensors'), '--out', out],
    ...{ out: 'weights.safetensors', file: 'weights.safetensors.md', reads: 'net.safetensors' },
  },
  import: {
    args: (out) => [at('net.safetensors'), '--out', out],
    ...{ out: 'in.safetensors', file: 'in.safetensors', reads: 'net.safetensors' },
  },
  locate: {
    args: (out) => ['--checkpoint', at('net.safetensors'), '--image', at('ct.nii.gz'), '--out', out],
    ...{ out: 'answers', file: 'answers/error.nii.gz' },
  },
  probe: {
    args: (out) => [at('net.safetensors'), '--out', out],
    ...{ out: 'probe.json', file: 'probe.json' },
  },
  phantom: {
    args: (out) => ['--out', out, '--cases', '2', '--size', '64,64,32'],
    ...{ out: 'own', file: 'own/imagesTr/patient7.nii.gz' },
  },
  init: {
    args: (out) => [out, '--preset', 'demo', '--data', at('list.voco.json')],
    ...{ out: 'own.voco.json', file: 'own.voco.json', reads: 'list.voco.json' },
  },
};

async function run(name: string, args: readonly string[]): Promise<unknown> {
  const command = commands.find((one) => one.name === name)!;
  return command.run(parseCommandLine(command, args)).catch((error: unknown) => error);
}

function put(file: string, content: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

it('knows every command with an output option', () => {
  const named = commands.filter(({ options }) => 'out' in options).map(({ name }) => name);
  // Of a demo, what is there stays: see below.
  expect([...named, 'init'].sort()).toEqual([...Object.keys(WRITING), 'demo'].sort());
});

describe.each(Object.entries(WRITING))('voco %s', (name, { args, out, file }) => {
  it('does not replace what is there', async () => {
    const there = put(at(file), 'the work of a person');
    const error = await run(name, args(at(out)));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(/is there already.*--force/);
    expect((error as UsageError).message).toContain(there);
    expect(readFileSync(there, 'utf8')).toBe('the work of a person');
  });
});

const REPLACING = Object.entries(WRITING).filter(([, { reads }]) => reads !== undefined);

describe.each(REPLACING)('voco %s', (name, { args, reads }) => {
  it('does not replace what it reads, even when it is forced', async () => {
    const input = at(reads!);
    if (reads === 'list.voco.json') put(input, '{"training":[]}');
    const before = readFileSync(input);
    const ending = /\..*$/.exec(reads!)![0];
    symlinkSync(input, at(`soft${ending}`));
    linkSync(input, at(`hard${ending}`));
    for (const spelled of [input, at(`./${reads}`), at(`soft${ending}`), at(`hard${ending}`)]) {
      const error = await run(name, [...args(spelled), '--force']);
      expect(error).toBeInstanceOf(UsageError);
      expect((error as UsageError).message).toMatch(/would replace .*read/);
    }
    expect(readFileSync(input).equals(before)).toBe(true);
  });
});

it('one input that cannot be converted does not end the others', async () => {
  put(at('bad.nrrd'), 'NRRD0004\nnonsense');
  const inputs = [at('bad.nrrd'), at('ct.nii.gz')];
  expect(await run('convert', [...inputs, '--out', at('both')])).toBe(1);
  expect(readdirSync(at('both'))).toEqual(['ct.nii.gz']);
  const oneFile = await run('convert', [...inputs, '--out', at('both.nii.gz')]);
  expect(String(oneFile)).toMatch(/is one file, but there are 2 inputs/);
  mkdirSync(at('sub'));
  writeFileSync(at('sub/ct.nii.gz'), readFileSync(at('ct.nii.gz')));
  const twice = await run('convert', [at('ct.nii.gz'), at('sub/ct.nii.gz'), '--out', at('both'), '--force']);
  expect(String(twice)).toMatch(/two results would be written/);
});

it('a result that cannot be printed is a failure', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [program, 'info', at('ct.nii.gz')], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect(stderr).toBe('standard output: cannot write the result: no space left on the disk\n');
  expect(status).toBe(1);
});

it('a demo keeps configs and data that are there', async () => {
  const config = put(at('demo.voco.json'), '{ "kind": "pretrain", "edited": true }');
  const list = put(at('phantom/dataset_0.json'), '{ "training": [] }');
  expect(await run('demo', ['--out', folder])).toBeInstanceOf(UsageError);
  expect(readFileSync(config, 'utf8')).toBe('{ "kind": "pretrain", "edited": true }');
  expect(readFileSync(list, 'utf8')).toBe('{ "training": [] }');
});

describe('a program that is ended while it writes', () => {
  /** Sends a signal as soon as something is being written; the exit code. */
  async function endedWhileWriting(args: string[], signal: NodeJS.Signals): Promise<number | null> {
    const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
    const ended = once(child, 'exit') as Promise<[number | null]>;
    await vi.waitUntil(() => temporaries().length > 0, { timeout: 240_000, interval: 1 });
    child.kill(signal);
    return (await ended)[0];
  }
  const temporaries = (): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /img.*\.tmp$/.test(name));
  // Large enough that a file takes a while.
  const args = (): string[] => ['phantom', '--out', at('own'), '--cases', '2', '--size', '160,160,96'];

  it('removes what it was writing at a signal', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      expect(await endedWhileWriting(args(), signal)).toBe(130);
      expect(temporaries()).toEqual([]);
    }
  });

  it('leaves what is removed at the next start when it is killed', async () => {
    expect(await endedWhileWriting(args(), 'SIGKILL')).toBeNull();
    expect(temporaries()).toHaveLength(1);
    expect(await run('phantom', args().slice(1))).toBe(0);
    expect(temporaries()).toEqual([]);
  });
});

it('a phantom that was interrupted is taken up again by the same command alone', async () => {
  const stop = new AbortController();
  const options = { out: at('own'), cases: 2, seed: 0, size: [64, 64, 32] as const, signal: stop.signal };
  await expect(makePhantom({ ...options, onProgress: () => stop.abort() })).rejects.toThrow(/abort/);
  const label = at('own/labelsTr/label0001.nii.gz');
  const { ino } = statSync(label);
  const args = WRITING.phantom!.args(at('own'));
  expect(await run('phantom', [...args, '--seed', '1'])).toBeInstanceOf(UsageError);
  expect(await run('phantom', args)).toBe(0);
  expect(statSync(label).ino, 'what was made is not made again').toBe(ino);
  expect(JSON.parse(readFileSync(at('own/dataset_0.json'), 'utf8'))).toMatchObject({ numTraining: 1 });
  expect(readdirSync(at('own')).sort()).toEqual(['dataset_0.json', 'imagesTr', 'labelsTr']);
  // A dataset that is complete is somebody's.
  expect(await run('phantom', args)).toBeInstanceOf(UsageError);
});
