import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { listCheckpoints, readCheckpoint, readRunState } from '../../../src/runs';
import { readVolume, writeNifti } from '../../../src/volume';
import {
  killChildren,
  makeTinyPhantom,
  metricsLines,
  onlyRun,
  stepsOf,
  trainingDevice,
  voco,
  writeConfig,
  type Finished,
} from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-failures-'));
const image = (number: number): string => join(root, `phantom/imagesTr/img000${number}.nii.gz`);
let device: string;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

/** A folder with a config over a folder of images: one good volume and what `make` adds. */
function caseFolder(name: string, make: (images: string) => void, ...changes: Record<string, unknown>[]): string {
  const folder = join(root, name);
  mkdirSync(join(folder, 'images'), { recursive: true });
  make(join(folder, 'images'));
  writeConfig(folder, 'config', device, { data: { train: [{ folder: 'images' }], validation: [] } }, ...changes);
  return folder;
}

const train = (folder: string, ...more: string[]): Promise<Finished> =>
  voco(['pretrain', 'config.voco.json', ...more], folder);

/** Error lines are those that are no progress: the last line of standard error. */
function lastLine({ stderr }: Finished): string {
  return stderr.trimEnd().split('\n').at(-1)!;
}

function expectNoTrace(result: Finished): void {
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+/m);
  expect(result.stderr).not.toContain('internal error');
}

/** Files that were being written when the program ended. */
function leftovers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
}

function headerWith(change: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(gunzipSync(readFileSync(image(1))));
  change(bytes);
  return gzipSync(bytes);
}

describe('volumes that cannot be used', () => {
  it.each([
    { name: 'cut', bytes: () => readFileSync(image(1)).subarray(0, 20_000), message: /bad\.nii\.gz: / },
    {
      name: 'short',
      bytes: () => gzipSync(gunzipSync(readFileSync(image(1))).subarray(0, 50_000)),
      message: /bad\.nii\.gz: /,
    },
    { name: 'magic', bytes: () => headerWith((header) => header.write('nope', 344)), message: /bad\.nii\.gz: / },
    {
      name: 'dims',
      bytes: () => headerWith((header) => [1, 2, 3].forEach((axis) => header.writeInt16LE(32_767, 40 + 2 * axis))),
      message: /bad\.nii\.gz: /,
    },
    {
      name: 'garbage',
      bytes: () => Buffer.from('this is not gzip, whatever its name says'),
      message: /bad\.nii\.gz: /,
    },
    { name: 'nothing', bytes: () => Buffer.alloc(0), message: /bad\.nii\.gz: / },
  ])('end in one line: $name', async ({ name, bytes, message }) => {
    const folder = caseFolder(name, (images) => {
      copyFileSync(image(1), join(images, 'good.nii.gz'));
      writeFileSync(join(images, 'bad.nii.gz'), bytes());
    });
    const result = await train(folder);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(lastLine(result)).toMatch(message);
    expectNoTrace(result);
    expect(leftovers(folder)).toEqual([]);
    const checked = await voco(['check', '--deep', 'config.voco.json'], folder);
    expect(checked.code).toBe(1);
    expect(checked.stdout).toMatch(/✗ error: \S*bad\.nii\.gz: /);
    expectNoTrace(checked);
  });

  it('are refused before a run is made when the header tells', async () => {
    const folder = caseFolder('directory', (images) => mkdirSync(join(images, 'x.nii.gz')));
    const list = { training: [{ image: 'images/x.nii.gz' }] };
    writeFileSync(join(folder, 'list.json'), JSON.stringify(list));
    writeConfig(folder, 'config', device, { data: { train: [{ datalist: 'list.json' }], validation: [] } });
    const result = await train(folder);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(lastLine(result)).toMatch(/images\/x\.nii\.gz: is a folder, not a regular file/);
    expect(existsSync(join(folder, 'runs'))).toBe(false);
  });

  it('with NaN voxels are trained on, with a note', async () => {
    const { volume } = await readVolume(image(1), {});
    const data = Float32Array.from(volume.data);
    for (let i = 0; i < data.length; i += 97) data[i] = i % 2 ? NaN : Infinity;
    const folder = caseFolder('nan', () => undefined, { train: { steps: 2 } });
    await writeNifti(join(folder, 'images/holes.nii.gz'), { ...volume, data });
    const result = await train(folder);
    expect(result.code).toBe(0);
    const note = /holes\.nii\.gz: \d+ voxels are NaN or infinite; they are replaced/;
    expect(result.stderr).toMatch(note);
    const runDir = onlyRun(folder);
    expect(readFileSync(join(runDir, 'log.txt'), 'utf8')).toMatch(note);
    for (const { loss } of await stepsOf(runDir)) expect(Number.isFinite(loss)).toBe(true);
  });

  it('keep the steps that were done when one turns out to be damaged during the run', async () => {
    const folder = caseFolder(
      'vanishes',
      (images) => [1, 2].forEach((number) => copyFileSync(image(number), join(images, `v${number}.nii.gz`))),
      { data: { cache: { enabled: false } }, train: { steps: 2000, checkpointEvery: 2000, validateEvery: 2000 } },
    );
    // Beginning and end are whole, the voxels of one file are damaged: only reading all of it tells.
    const bytes = readFileSync(join(folder, 'images/v2.nii.gz'));
    writeFileSync(join(folder, 'images/v2.nii.gz'), bytes.fill(0x55, bytes.length - 9000, bytes.length - 100));
    const result = await train(folder);
    expect(result.code).toBe(1);
    expect(lastLine(result)).toMatch(/v2\.nii\.gz: /);
    const runDir = onlyRun(folder);
    const state = await readRunState(runDir);
    expect(state.state).toBe('failed');
    expect(state.exitReason).toMatch(/v2\.nii\.gz/);
    const steps = metricsLines(runDir);
    expect(steps).toBeGreaterThan(0);
    const { checkpoints } = await listCheckpoints(runDir);
    expect(checkpoints.map(({ step }) => step)).toEqual([steps]);
  });
});

describe('data and configs that cannot be used', () => {
  it.each([
    { data: { train: [{ folder: 'empty' }] }, code: 1, message: /\/empty: no \.nii or \.nii\.gz file/ },
    { data: { train: [{ folder: 'absent' }] }, code: 1, message: /\/absent: / },
    { data: { train: [{ glob: 'images/*.nrrd' }] }, code: 1, message: /images\/\*\.nrrd/ },
    { data: { train: [{ datalist: 'absent.json' }] }, code: 1, message: /absent\.json: .*no such file/ },
    { data: { train: [{ datalist: 'torn.json' }] }, code: 1, message: /torn\.json: / },
    { data: { train: [{ datalist: 'empty.json' }] }, code: 1, message: /empty\.json: / },
    { data: { train: [] }, code: 2, message: /config\.voco\.json:1:\d+: data\.train: / },
    { train: { steps: 'many' }, code: 2, message: /config\.voco\.json:1:\d+: train\.steps: must be a whole number/ },
    { train: { step: 3 }, code: 2, message: /train\.step: unknown key; did you mean "steps"\?/ },
    { method: { grid: [9, 9, 9] }, code: 2, message: /method\.crop: 9×9×9 crops of 32×32×64 need/ },
    // The devices that there are follow, a line each.
    { device: 'gpu', code: 2, message: /^\S+: device: must be one of auto, cuda.*is "gpu"/, list: true },
    { device: 'cuda', code: 1, message: /^\S*.*cuda/m, list: true },
  ])('end in one line: $message', async ({ code, message, list = false, ...change }) => {
    const folder = caseFolder(`data-${String(message).replace(/\W+/g, '-').slice(0, 60)}`, (images) =>
      copyFileSync(image(1), join(images, 'good.nii.gz')),
    );
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'torn.json'), '{"training": [{"image": ');
    writeFileSync(join(folder, 'empty.json'), '{"training": []}');
    writeConfig(folder, 'config', device, { data: { train: [{ folder: 'images' }], validation: [] } }, change);
    const result = await train(folder);
    expect(result).toMatchObject({ code, stdout: '' });
    const [first, ...more] = result.stderr.trimEnd().split('\n');
    expect(list ? result.stderr : first).toMatch(message);
    expect(more.length > 0).toBe(list);
    expect(result.stderr).not.toMatch(/^\s+at |internal error/m);
    expect(existsSync(join(folder, 'runs'))).toBe(false);
  });
});

describe('a loss that is not finite', () => {
  it('ends the run, names the batch and keeps the last good checkpoint', async () => {
    const folder = caseFolder('explodes', (images) => copyFileSync(image(1), join(images, 'only.nii.gz')), {
      optimizer: { lr: 1e30 },
      schedule: { name: 'warmup-cosine', warmupSteps: 2 },
      train: { steps: 20, checkpointEvery: 1, keepLast: 1, validateEvery: 20 },
    });
    const result = await train(folder);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expectNoTrace(result);
    const runDir = onlyRun(folder);
    expect(lastLine(result)).toContain(runDir);
    expect(lastLine(result)).toMatch(/not finite .*step \d+; .*the last (one|checkpoint) is kept|the last one is kept/);
    expect(lastLine(result)).toMatch(/lower optimizer\.lr/);
    const state = await readRunState(runDir);
    expect(state.state).toBe('failed');
    expect(lastLine(result)).toBe(state.exitReason);
    const { checkpoints, unreadable } = await listCheckpoints(runDir);
    expect(unreadable).toEqual([]);
    // The rate of the first step is 0, so at least its checkpoint is good.
    expect(checkpoints.length).toBeGreaterThan(0);
    for (const { file } of checkpoints) {
      const { tensors } = await readCheckpoint(file);
      for (const { data } of tensors) {
        if (data instanceof Float32Array) expect(data.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('is found at a volume with absurd voxels', async () => {
    const { volume } = await readVolume(image(1), {});
    const folder = caseFolder('absurd', () => undefined, {
      data: { preprocess: { intensity: null } },
      train: { steps: 4, checkpointEvery: 1 },
    });
    const data = Float32Array.from(volume.data, (value) => value * 3e34);
    await writeNifti(join(folder, 'images/absurd.nii.gz'), { ...volume, data });
    const result = await train(folder);
    expect(result.code).toBe(1);
    expect(lastLine(result)).toMatch(/was not finite at step 1; the batch was \S*absurd\.nii\.gz /);
    const runDir = onlyRun(folder);
    expect((await readRunState(runDir)).state).toBe('failed');
    const dump = JSON.parse(readFileSync(join(runDir, 'nonfinite-step-1.json'), 'utf8')) as Record<string, unknown>;
    expect(dump).toMatchObject({ step: 1, cases: [join(folder, 'images/absurd.nii.gz')] });
    expect((await listCheckpoints(runDir)).checkpoints).toEqual([]);
  });
});

describe('a disk that gets full', () => {
  const disk = join(root, 'disk');

  it('ends the run in one line, with the older checkpoints whole', async (context) => {
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer };
      context.skip(`no small disk could be mounted: ${stderr?.toString().trim() ?? String(error)}`);
    }
    try {
      const runDir = join(disk, 'run');
      const config = writeConfig(root, 'full', device, { train: { steps: 60, checkpointEvery: 2, keepLast: 50 } });
      const result = await voco(['pretrain', config, '--run', runDir], root);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expectNoTrace(result);
      expect(lastLine(result)).toMatch(/step-\d{8}\.safetensors: cannot write the file: no space left on the disk/);
      expect(leftovers(disk)).toEqual([]);
      const { checkpoints, unreadable } = await listCheckpoints(runDir);
      expect(unreadable).toEqual([]);
      expect(checkpoints.map(({ step }) => step)).toEqual([2, 4]);
      for (const { file } of checkpoints) await readCheckpoint(file);
      const state = await readRunState(runDir);
      expect(state).toMatchObject({ state: 'failed', exitReason: lastLine(result) });

      // With fewer kept, it fits, and goes on from the last good one.
      const resumed = await voco(
        ['pretrain', '--resume', '--run', runDir, '--set', 'train.keepLast=1', '--set', 'train.steps=5'],
        root,
      );
      expect(resumed.code).toBe(1);
      rmSync(checkpoints[0]!.file);
      const again = await voco(
        ['pretrain', '--resume', '--run', runDir, '--set', 'train.keepLast=1', '--set', 'train.steps=5'],
        root,
      );
      expect(again.code).toBe(0);
      expect((await stepsOf(runDir)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
