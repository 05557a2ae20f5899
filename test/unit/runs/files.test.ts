import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkpointFile, nonFiniteFile, runFiles, runOfCheckpoint, stepOfCheckpoint } from '../../../src/runs/files';
import { launchIsAlive, livingProcess, processIsAlive } from '../../../src/runs/liveness';
import { unlessLocked } from '../../../src/runs/lock';
import { processStartTime } from '../../../src/machine/process';

const folder = mkdtempSync(join(tmpdir(), 'voco-runfiles-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a run directory', () => {
  it('keeps the names that runs of earlier versions have', () => {
    const names = Object.fromEntries(Object.entries(runFiles('/r')).map(([key, file]) => [key, basename(file)]));
    expect(names).toEqual({
      config: 'config.json',
      state: 'run.json',
      metrics: 'metrics.jsonl',
      log: 'log.txt',
      plot: 'plot.svg',
      curves: 'curves.json',
      checkpoints: 'checkpoints',
      init: 'init.json',
      cases: 'cases.json',
      skipped: 'skipped.json',
      results: 'results.json',
      resultsTable: 'results.csv',
      predictions: 'predictions',
      study: 'study.json',
      studyTable: 'study.csv',
      notes: 'notes.json',
      launch: 'launch.json',
      output: 'output.txt',
      claimLock: 'claim.lock',
      owner: 'owner.json',
      launchLock: 'launch.lock',
      controlSocket: 'control.sock',
    });
    expect(nonFiniteFile('/r', 12)).toBe(join('/r', 'nonfinite-step-12.json'));
  });

  it('knows its checkpoints by their names', () => {
    const file = checkpointFile(folder, 1000);
    expect(file).toBe(join(folder, 'checkpoints', 'step-00001000.safetensors'));
    expect([stepOfCheckpoint(file), runOfCheckpoint(file)]).toEqual([1000, folder]);
    expect(stepOfCheckpoint(checkpointFile(folder, 1_234_567_890))).toBe(1_234_567_890);
    for (const other of ['step-1.safetensors', 'step-00001000.safetensors.tmp', 'model.safetensors'])
      expect(stepOfCheckpoint(join(folder, 'checkpoints', other)), other).toBeUndefined();
    expect(runOfCheckpoint(join(folder, 'step-00001000.safetensors'))).toBeUndefined();
  });
});

describe('whether a process is alive', () => {
  it('is told by its number and its start, so that a later one of the same number is another', async () => {
    const { pid } = process;
    const pidStart = await processStartTime(pid);
    expect(await processIsAlive({ pid, pidStart: pidStart! })).toBe(true);
    expect(await processIsAlive({ pid })).toBe(true);
    if (pidStart) expect(await processIsAlive({ pid, pidStart: `${pidStart}1` })).toBe(false);
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    expect(await processIsAlive({ pid: ended, pidStart: 'then' })).toBe(false);
    expect(await processIsAlive({})).toBe(false);
  });

  it('of a launch only on its own machine; a run is found by its state, else by its launch', async () => {
    const { pid } = process;
    const launch = { configFile: 'a', device: 'auto', host: hostname(), pid };
    expect(await launchIsAlive(launch)).toBe(true);
    expect(await launchIsAlive({ ...launch, host: `${hostname()}-elsewhere` })).toBe(false);
    expect(await livingProcess({}, launch)).toBe(pid);
    expect(await livingProcess({}, undefined)).toBeUndefined();
  });
});

describe('work under a lock that nobody waits for', () => {
  it('is left undone while another holds the lock, and done after that or when the lock is stale', async () => {
    const file = join(folder, 'test.lock');
    const done: string[] = [];
    const first = await unlessLocked(file, 60_000, async () => {
      done.push('first');
      expect(await unlessLocked(file, 60_000, async () => void done.push('never'))).toBe(false);
    });
    expect(first).toBe(true);
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, '');
    utimesSync(file, new Date(0), new Date(0));
    expect(await unlessLocked(file, 60_000, async () => void done.push('second'))).toBe(true);
    expect(done).toEqual(['first', 'second']);
    await expect(unlessLocked(file, 60_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(file)).toBe(false);
  });
});
