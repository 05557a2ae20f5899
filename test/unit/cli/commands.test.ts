import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { killChildren, makeTinyPhantom, trainingDevice, voco, writeConfig, type Finished } from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-commands-'));
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

/** One line on standard error that matches, nothing on standard output, no stack trace. */
function expectUsageError(result: Finished, message: RegExp): void {
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(result.stderr).toMatch(message);
}

describe('wrong usage', () => {
  it.each([
    { args: ['pretrian', 'x'], message: /unknown command "pretrian"; did you mean "pretrain"\?/ },
    { args: ['frobnicate'], message: /unknown command "frobnicate"; commands: .*pretrain/ },
    { args: ['pretrain', 'x.json', '--resum'], message: /unknown option --resum; did you mean --resume\?/ },
    { args: ['pretrain'], message: /config is missing/ },
    { args: ['pretrain', 'a', 'b'], message: /one config at a time/ },
    { args: ['pretrain', '--resume'], message: /name a config, or a run with --run DIR/ },
    { args: ['pretrain', 'x.json', '--set'], message: /--set/ },
    { args: ['pretrain', 'nowhere.voco.json'], message: /nowhere\.voco\.json: cannot read the config: no such file/ },
    { args: ['phantom'], message: /--out is missing/ },
    { args: ['phantom', '--out', 'p', '--cases', 'many'], message: /--cases must be a whole number.*"many"/ },
    { args: ['phantom', '--out', 'p', '--size', '1,2'], message: /--size must be three positive numbers/ },
    { args: ['info'], message: /no file given/ },
    { args: ['cache', 'burn'], message: /unknown action "burn"/ },
    { args: ['init', 'x.voco.json', '--preset', 'huge'], message: /unknown preset "huge"; voco init --list shows all/ },
    { args: ['init', 'x.voco.json', '--preset', 'hipocampus'], message: /did you mean "hippocampus"\?/ },
    { args: ['demo', '--steps', 'x', '--out', 'p'], message: /--steps must be a whole number/ },
    { args: ['demo', '--finetune', '--seeds', '0'], message: /--seeds must be a whole number of at least 1/ },
    { args: ['study'], message: /voco study: the config is missing/ },
    { args: ['bench', 'stp'], message: /did you mean step\?/ },
  ])('voco $args', async ({ args, message }) => {
    expectUsageError(await voco(args, root), message);
    expect(existsSync(join(root, 'p'))).toBe(false);
  });

  it('shows the commands', async () => {
    const help = await voco(['--help'], root);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['demo', 'init', 'phantom', 'check', 'pretrain', 'study', 'info', 'devices', 'cache']) {
      expect(help.stdout).toContain(`  ${name} `);
      const own = await voco([name, '--help'], root);
      expect(own.code).toBe(0);
      expect(own.stdout).toContain(`usage: voco ${name}`);
    }
    expect(await voco([], root)).toMatchObject({ code: 2, stdout: help.stdout });
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
      version: string;
    };
    expect((await voco(['--version'], root)).stdout.trim()).toBe(version);
  });
});

describe('the way of a user', () => {
  it('goes from a phantom to a config, a check, a training and a cache', async () => {
    const folder = join(root, 'user');
    mkdirSync(folder);
    const made = await voco(['phantom', '--out', 'data', '--cases', '3', '--size', '64,64,32', '--seed', '7'], folder);
    expect(made).toMatchObject({ code: 0, stdout: `${join(folder, 'data/dataset_0.json')}\n` });
    expect(readdirSync(join(folder, 'data')).sort()).toEqual(['dataset_0.json', 'imagesTr', 'labelsTr']);

    const image = 'data/imagesTr/img0001.nii.gz';
    const info = await voco(['info', image], folder);
    expect(info.stdout).toMatch(/shape\s+64×64×32/);
    const described = JSON.parse((await voco(['info', image, '--json'], folder)).stdout) as Record<string, unknown>;
    expect(described).toMatchObject({ file: image });
    const two = JSON.parse((await voco(['info', image, image, '--json'], folder)).stdout) as unknown[];
    expect(two).toEqual([described, described]);

    const config = 'own.voco.json';
    const init = await voco(['init', config, '--preset', 'demo', '--data', 'data/dataset_0.json'], folder);
    expect(init).toMatchObject({ code: 0, stdout: `${join(folder, config)}\n` });
    const text = readFileSync(join(folder, config), 'utf8');
    expectUsageError(await voco(['init', config], folder), /is there already; name another place, or add --force/);
    expect(readFileSync(join(folder, config), 'utf8')).toBe(text);
    expect((await voco(['init', config, '--preset', 'small', '--force'], folder)).code).toBe(0);
    expect(readFileSync(join(folder, config), 'utf8')).not.toBe(text);
    writeFileSync(join(folder, config), text);

    const check = await voco(['check', config], folder);
    expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining('3 volumes checked: nothing wrong') });
    const found = JSON.parse((await voco(['check', config, '--json'], folder)).stdout) as Record<string, unknown>;
    expect(found).toMatchObject({ volumes: 3, findings: [] });

    const own = writeConfig(folder, 'quick', device, {
      data: { train: [{ folder: 'data/imagesTr' }], validation: [] },
      train: { steps: 2 },
    });
    const trained = await voco(['pretrain', own, '--json', '--set', 'name=quick'], folder);
    const result = JSON.parse(trained.stdout) as { runDir: string; plot: string };
    expect(result).toMatchObject({ outcome: 'finished', step: 2, exitCode: 0 });
    expect(result.runDir).toMatch(/\/runs\/quick-\d{8}-\d{6}$/);
    expect(readFileSync(result.plot, 'utf8')).toContain('</svg>');
    expect(trained.stderr).toMatch(/3 volumes to train on, 0 held out/);
    expect(trained.stderr).toMatch(/memory: about .* free/);
    expect(readdirSync(result.runDir).sort()).toEqual([
      'cases.json',
      'checkpoints',
      'config.json',
      expect.stringMatching(/^events\.out\.tfevents/),
      'log.txt',
      'metrics.jsonl',
      'plot.svg',
      'run.json',
    ]);

    const cache = JSON.parse((await voco(['cache', '--folder', 'cache', '--json'], folder)).stdout) as object;
    expect(cache).toMatchObject({ entries: 2, cleared: false });
    expect((await voco(['cache', 'clear', '--folder', 'cache'], folder)).stdout).toMatch(/removed 2 volumes/);
    expect((await voco(['cache', '--folder', 'cache'], folder)).stdout).toMatch(/0 volumes/);
  });

  it('lists the devices', async () => {
    const listed = await voco(['devices'], root);
    const found = JSON.parse((await voco(['devices', '--json'], root)).stdout) as { name: string; usable: boolean }[];
    const names = found.map(({ name }) => name);
    for (const name of ['cuda', 'webgpu', 'onednn', 'wasm', 'cpu']) {
      expect(names.some((other) => other === name || other.startsWith(`${name}:`))).toBe(true);
      expect(listed.stdout).toContain(name);
    }
    expect(found.find(({ name }) => name === 'cpu')!.usable).toBe(true);
    for (const status of found.filter(({ usable }) => !usable)) expect(status).toHaveProperty('reason');
  });

  it('lists them to who names one that does not exist, and says what a GPU needs', async () => {
    const config = writeConfig(root, 'gpu', 'cpu', { data: { train: [{ folder: 'phantom/imagesTr' }] } });
    const { code, stdout, stderr } = await voco(['pretrain', config, '--set', 'device=gpu', '--dry-run'], root);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^--set device=gpu: device: .*did you mean "webgpu"\?\ndevices of this machine:\n/);
    for (const name of ['cuda', 'webgpu', 'onednn', 'wasm', 'cpu'])
      expect(stderr).toMatch(new RegExp(`^[✓✗] ${name}`, 'm'));
  });

  it('writes names of runs and files as text that a terminal does not obey', async () => {
    const { stderr } = await voco(['info', 'a\u001b[2Jb\u009b.nii.gz'], root);
    expect(stderr).toContain(String.raw`a\u001b[2Jb\u009b.nii.gz`);
  });
});
