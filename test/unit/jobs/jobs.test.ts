import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/types';
import { controlRun, killRun, moveToTrash, stopRun, waitForEnd } from '../../../src/jobs/control';
import { Launcher } from '../../../src/jobs/launcher';
import { withLaunchLock } from '../../../src/runs/launch';
import type { Program } from '../../../src/jobs/process';
import { RunRegistry } from '../../../src/jobs/runRegistry';
import { lastLogLines, type RunSummary } from '../../../src/jobs/runSummary';
import { describeRun } from '../../../src/jobs/runText';
import { processStartTime } from '../../../src/machine/process';
import { createRun, RunStateFile } from '../../../src/runs/runDirectory';
import { readMetrics } from '../../../src/runs/metrics';

let scratch: string;
let program: Program;
let root: string;
let registry: RunRegistry;
let launcher: Launcher;
let limit = 1;
let allowed = true;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'voco-jobs-'));
  const script = join(scratch, 'trainer.cjs');
  const entryPoints = [join(import.meta.dirname, 'standInTrainer.ts')];
  await build({ entryPoints, bundle: true, platform: 'node', format: 'cjs', outfile: script, logLevel: 'error' });
  const node = { command: process.execPath, env: {}, version: process.versions.node, source: 'path' as const };
  program = { node, script, env: process.env };
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

beforeEach(async () => {
  root = await mkdtemp(join(scratch, 'runs-'));
  limit = 1;
  registry = new RunRegistry(300);
  allowed = true;
  launcher = new Launcher({
    registry,
    program: async () => program,
    limit: () => limit,
    allowed: () => allowed,
    onError: () => undefined,
  });
});
afterEach(async () => {
  launcher.dispose();
  for (const run of registry.runs) if (run.live) await killRun(run);
  registry.dispose();
});

function submit(options: { steps?: number; stepMs?: number; device?: string; refuse?: string } = {}): Promise<string> {
  const { steps = 5, stepMs = 10, device = 'cpu', refuse } = options;
  const config = { name: 'job', output: root, device, train: { steps }, stepMs, refuse } as unknown as Config;
  return launcher.submit({ kind: 'pretrain', config, configFile: '/configs/job.voco.json' });
}

/** Waits until a run is as wanted; the registry has to notice by itself. */
async function until(dir: string, wanted: (run: RunSummary) => boolean, ms = 8000): Promise<RunSummary> {
  const end = Date.now() + ms;
  for (;;) {
    const run = registry.get(dir);
    if (run && wanted(run)) return run;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(run)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a job', () => {
  it('starts, trains and finishes, and nothing is watched afterwards', async () => {
    const dir = await submit();
    const run = await until(dir, (one) => one.phase === 'finished');
    expect(run.state.step).toBe(5);
    expect(run.live).toBe(false);
    expect(registry.active).toBe(false);
    expect(run.launch?.configFile).toBe('/configs/job.voco.json');
  });

  it('is found again by another registry, with its state and as alive', async () => {
    const dir = await submit({ steps: 10_000 });
    await until(dir, (one) => one.phase === 'running');
    const other = new RunRegistry(300);
    await other.scan(root);
    expect(other.get(dir)).toMatchObject({ phase: 'running', live: true, here: true });
    expect(other.active).toBe(true);
    other.dispose();
  });

  it('pauses, goes on and stops by its socket', async () => {
    const dir = await submit({ steps: 10_000 });
    const run = await until(dir, (one) => one.phase === 'running' && one.state.step > 0);
    await controlRun(run, 'pause');
    const paused = await until(dir, (one) => one.phase === 'paused');
    await controlRun(paused, 'resume');
    await until(dir, (one) => one.phase === 'running');
    await stopRun(registry.get(dir)!);
    const ended = await until(dir, (one) => one.phase === 'interrupted');
    expect(ended.live).toBe(false);
  });

  it('goes on after being stopped, without a gap or a doubled step', async () => {
    const dir = await submit({ steps: 40 });
    await until(dir, (one) => one.state.step > 3);
    await stopRun(registry.get(dir)!);
    await launcher.resume(await until(dir, (one) => one.phase === 'interrupted'));
    await until(dir, (one) => one.phase === 'finished');
    const steps = (await readMetrics(dir)).map((record) => record.step);
    expect(steps).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it('that is killed is shown as failed, with the step it had reached', async () => {
    const dir = await submit({ steps: 10_000 });
    const run = await until(dir, (one) => one.state.step > 2);
    await killRun(run);
    const failed = await until(dir, (one) => one.phase === 'failed');
    expect(failed.reason).toMatch(/ended unexpectedly at step \d+/);
  });

  it('is no longer waited for when the waiting is cancelled', async () => {
    const dir = await submit({ steps: 10_000 });
    await until(dir, (one) => one.phase === 'running');
    const waiting = new AbortController();
    const end = waitForEnd(dir, 60_000, waiting.signal);
    waiting.abort();
    await expect(end).rejects.toThrow(/abort/i);
    expect((await registry.refresh(dir))?.live).toBe(true);
  });

  it('that refuses to begin is failed with what it said', async () => {
    const dir = await submit({ refuse: 'scan7.nii.gz: no such file' });
    const failed = await until(dir, (one) => one.phase === 'failed');
    expect(failed.reason).toContain('scan7.nii.gz: no such file');
    expect(await lastLogLines(dir, 5)).toEqual(['scan7.nii.gz: no such file']);
  });

  it('whose program does not exist is failed, and says so', async () => {
    program = { ...program, node: { ...program.node, command: join(scratch, 'no-node') } };
    const dir = await submit();
    program = { ...program, node: { ...program.node, command: process.execPath } };
    expect(registry.get(dir)).toMatchObject({ phase: 'failed', live: false });
    expect(registry.get(dir)!.reason).toContain('cannot be started: ENOENT');
  });
});

describe('the queue', () => {
  it('lets one run a device train, in order of submission, and starts the next when one ends', async () => {
    const first = await submit({ steps: 60 });
    const second = await submit({ steps: 5 });
    expect(registry.get(second)?.phase).toBe('queued');
    const after = await until(second, (one) => one.phase === 'finished');
    const before = registry.get(first)!;
    expect(before.phase).toBe('finished');
    expect(after.state.started! >= before.state.ended!).toBe(true);
  });

  it('lets runs on different devices train together, but not with one that may take any', async () => {
    const cpu = await submit({ steps: 10_000, device: 'cpu' });
    const gpu = await submit({ steps: 10_000, device: 'webgpu' });
    const auto = await submit({ steps: 10_000, device: 'auto' });
    await until(cpu, (one) => one.phase === 'running');
    await until(gpu, (one) => one.phase === 'running');
    expect(registry.get(auto)?.phase).toBe('queued');
    await stopRun(registry.get(auto)!);
    expect((await registry.refresh(auto))?.phase).toBe('interrupted');
  });

  it('honours a larger limit', async () => {
    limit = 2;
    const dirs = [await submit({ steps: 10_000 }), await submit({ steps: 10_000 }), await submit()];
    await until(dirs[1]!, (one) => one.phase === 'running');
    expect(dirs.map((dir) => registry.get(dir)!.phase === 'queued')).toEqual([false, false, true]);
  });

  it('makes a run that is resumed wait as well, and goes on with it in its turn', async () => {
    const first = await submit({ steps: 40 });
    await until(first, (one) => one.state.step > 3);
    await stopRun(registry.get(first)!);
    const ended = await until(first, (one) => one.phase === 'interrupted' && !one.live);
    const second = await submit({ steps: 30 });
    await launcher.resume(ended);
    expect(registry.get(first)).toMatchObject({ phase: 'queued', live: false });
    const done = await until(first, (one) => one.phase === 'finished');
    expect(done.state.started! <= registry.get(second)!.state.ended!).toBe(true);
    expect(done.launch!.startedAt! >= registry.get(second)!.state.ended!).toBe(true);
    expect((await readMetrics(first)).map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it('starts nothing, and fails nothing, as long as programs may not be started', async () => {
    allowed = false;
    const dir = await submit();
    expect(registry.get(dir)).toMatchObject({ phase: 'queued', live: false });
    allowed = true;
    await launcher.pump();
    await until(dir, (one) => one.phase === 'finished');
  });

  it('lets only one window start a run', async () => {
    const dir = await createRun({ root, name: 'x', kind: 'pretrain', config: {}, totalSteps: 1 });
    let inside = 0;
    const slow = async (): Promise<void> => {
      inside += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const results = await Promise.all([withLaunchLock(dir, slow), withLaunchLock(dir, slow)]);
    expect(results.sort()).toEqual([false, true]);
    expect(inside).toBe(1);
    expect(await withLaunchLock(dir, slow)).toBe(true);
  });
});

describe('the registry', () => {
  it('takes a run on another machine by what it writes, never by its clock', async () => {
    const dir = await createRun({ root, name: 'remote', kind: 'pretrain', config: {}, totalSteps: 9 });
    const file = await RunStateFile.open(dir);
    await file.update({ state: 'running', pid: 1, pidStart: '1', host: 'cluster-7', step: 3 });
    expect(await registry.refresh(dir)).toMatchObject({ phase: 'running', live: true, here: false });
    await expect(controlRun(registry.get(dir)!, 'pause')).rejects.toThrow('is on cluster-7');
    // Its clock is ten minutes behind.
    const behind = { ...file.state, heartbeat: new Date(Date.now() - 600_000).toISOString() };
    await writeFile(join(dir, 'run.json'), JSON.stringify(behind));
    expect(await registry.refresh(dir)).toMatchObject({ phase: 'running', live: true });
    // Another window that sees it for the first time knows from the disk how long nothing was written.
    const old = new Date(Date.now() - 600_000);
    await utimes(join(dir, 'run.json'), old, old);
    const other = new RunRegistry();
    expect(await other.refresh(dir)).toMatchObject({ phase: 'failed', live: false, lostOn: 'cluster-7' });
    expect(other.get(dir)!.reason).toContain('no sign of life from cluster-7');
    other.dispose();
    await file.update({ state: 'finished' });
    expect(await registry.refresh(dir)).toMatchObject({ phase: 'finished', live: false });
  });

  it('does not take another process of the same number for the trainer', async () => {
    const dir = await createRun({ root, name: 'old', kind: 'pretrain', config: {}, totalSteps: 9 });
    const file = await RunStateFile.open(dir);
    await file.claim();
    await file.update({ state: 'running', pidStart: '12' });
    expect(await registry.refresh(dir)).toMatchObject({ phase: 'failed', live: false });
  });

  it('keeps the same object for a run that did not change, so that lists draw only what did', async () => {
    const dir = await createRun({ root, name: 'same', kind: 'pretrain', config: {}, totalSteps: 9 });
    const first = await registry.refresh(dir);
    expect(await registry.refresh(dir)).toBe(first);
    await (await RunStateFile.open(dir)).update({ state: 'finished', step: 9 });
    expect(await registry.refresh(dir)).not.toBe(first);
  });

  it('forgets a run whose folder is gone, and keeps one whose state is torn for a moment', async () => {
    const dir = await createRun({ root, name: 'gone', kind: 'pretrain', config: {}, totalSteps: 9 });
    await registry.refresh(dir);
    await writeFile(join(dir, 'run.json'), '{"format": 1, "na');
    expect(await registry.refresh(dir)).toBeDefined();
    await rename(dir, `${dir}-moved`);
    expect(await registry.refresh(dir)).toBeUndefined();
    expect(registry.runs).toEqual([]);
  });

  it('moves a run to the trash, but not one that trains', async () => {
    const dir = await submit({ steps: 10_000 });
    const run = await until(dir, (one) => one.phase === 'running');
    await expect(moveToTrash(run)).rejects.toThrow('stop it before');
    await stopRun(run);
    expect(await waitForEnd(dir, 5000)).toBe(true);
    const moved = await moveToTrash((await registry.refresh(dir))!);
    expect([existsSync(dir), existsSync(join(moved, 'run.json'))]).toEqual([false, true]);
    await registry.scan(root);
    await registry.refresh(dir);
    expect(registry.runs).toEqual([]);
  });
});

describe('a run from elsewhere', () => {
  /** Copies a run as unpacking an archive would, with parts of its files changed. */
  async function foreignRun(state: object, launch: object = {}): Promise<string> {
    allowed = false;
    const dir = await submit({ steps: 40 });
    allowed = true;
    const copy = join(root, 'copy');
    await cp(dir, copy, { recursive: true });
    await rm(dir, { recursive: true });
    for (const [name, change] of [
      ['run.json', state],
      ['launch.json', launch],
    ] as const) {
      const file = join(copy, name);
      await writeFile(file, JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), ...change }));
    }
    await registry.refresh(dir);
    await registry.refresh(copy);
    return copy;
  }

  it('that waits in a queue is not started', async () => {
    const dir = await foreignRun({});
    await launcher.pump();
    expect(registry.get(dir)).toMatchObject({ phase: 'interrupted', live: false });
    expect(registry.get(dir)!.reason).toMatch(/does not start here by itself/);
    expect(registry.get(dir)!.launch).toBeUndefined();
    expect(existsSync(join(dir, 'output.txt'))).toBe(false);
  });

  it('is started when the user resumes it, without what its launch.json wants, and is an own run then', async () => {
    const dir = await foreignRun({}, { args: ['--evil'], pid: process.pid });
    await launcher.resume(registry.get(dir)!);
    const done = await until(dir, (one) => one.phase === 'finished');
    expect(done.foreign).toBeUndefined();
    expect(done.launch).toMatchObject({ resume: true });
    expect(done.launch!.args).toBeUndefined();
  });

  it('never has its process stopped, paused or killed', async () => {
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const pidStart = (await processStartTime(bystander.pid!)) ?? '';
    const here = { host: hostname(), pid: bystander.pid, pidStart };
    const dir = await foreignRun({ ...here, state: 'running' }, { ...here, startedAt: new Date().toISOString() });
    const run = registry.get(dir)!;
    expect(run).toMatchObject({ phase: 'running', live: true, here: false });
    expect(describeRun(run)).toContain('from elsewhere, only shown');
    for (const action of [stopRun(run), killRun(run), controlRun(run, 'pause'), controlRun(run, 'stop')])
      await expect(action).rejects.toThrow(/was not started by you in this folder/);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    bystander.kill('SIGKILL');
    await once(bystander, 'exit');
    expect(await registry.refresh(dir)).toMatchObject({ phase: 'failed', live: false });
  });

  it('that is an evaluation is not restarted, since its command is not known', async () => {
    const dir = await foreignRun({ kind: 'evaluate', state: 'failed' });
    await expect(launcher.resume(registry.get(dir)!)).rejects.toThrow(/comes from elsewhere; start a new one/);
  });
});

it('a run whose output would go elsewhere is not started', async () => {
  const other = join(scratch, 'precious.txt');
  await writeFile(other, 'mine');
  allowed = false;
  const dir = await submit();
  await symlink(other, join(dir, 'output.txt'));
  allowed = true;
  await launcher.pump();
  expect(await registry.refresh(dir)).toMatchObject({ phase: 'failed', reason: expect.stringContaining('output.txt') });
  expect(await readFile(other, 'utf8')).toBe('mine');
});
