import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RandomStream } from '../../../src/random/random';
import { checkpointFile, readRunState } from '../../../src/runs';
import { longForm } from '../../support/full';
import {
  differingTensors,
  killChildren,
  lastCheckpointStep,
  makeTinyPhantom,
  metricsLines,
  startVoco,
  stepsOf,
  trainingDevice,
  until,
  voco,
  writeConfig,
} from '../../support/trainer';

const STEPS = longForm(45, 400);
const KILLS = longForm(5, 40);

const root = mkdtempSync(join(tmpdir(), 'voco-kill-'));
let config: string;

vi.setConfig({ testTimeout: longForm(600_000, 7_200_000) });

beforeAll(async () => {
  await makeTinyPhantom(root);
  const train = { steps: STEPS, checkpointEvery: 3, validateEvery: 10, keepLast: 2 };
  config = writeConfig(root, 'kill', await trainingDevice(), { data: { workers: 1 }, train });
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

/** Whether this process has taken over the run and cut what came after the last checkpoint. */
async function isRunning(runDir: string, pid: number | undefined): Promise<boolean> {
  const state = await readRunState(runDir).catch(() => undefined);
  return state?.pid === pid && state?.state === 'running';
}

it('loses nothing before the last checkpoint when it is killed again and again', async () => {
  const reference = join(root, 'through');
  expect((await voco(['pretrain', config, '--run', reference], root)).code).toBe(0);
  const expected = await stepsOf(reference);
  expect(expected.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));

  const runDir = join(root, 'killed');
  const random = new RandomStream(20, 24);
  let saved = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const resume = kill === 0 ? [] : ['--resume'];
    const { child, finished } = startVoco(['pretrain', config, '--run', runDir, ...resume], root);
    if (kill === 2) {
      // Somewhere between starting the process and the first step.
      await sleep(random.range(100, 800));
    } else {
      await until(() => isRunning(runDir, child.pid), 'the run');
      const lines = saved + random.integer(1, 8);
      await until(() => metricsLines(runDir) >= lines, 'steps after the resume');
      await sleep(random.range(0, 60));
    }
    child.kill('SIGKILL');
    expect(await finished).toMatchObject({ code: null, signal: 'SIGKILL' });

    const step = await lastCheckpointStep(runDir);
    expect(step).toBeGreaterThanOrEqual(saved);
    expect(step).toBeLessThan(STEPS);
    saved = step;
    // The metrics reach at least to the checkpoint, without a gap, a doubled step or another number.
    const steps = await stepsOf(runDir);
    expect(steps.length).toBeGreaterThanOrEqual(saved);
    expect(steps).toEqual(expected.slice(0, steps.length));
  }
  expect(saved).toBeGreaterThan(0);

  const last = await voco(['pretrain', '--run', runDir, '--resume', '--json'], root);
  expect(last.stderr).not.toMatch(/skipped a checkpoint/);
  expect(JSON.parse(last.stdout)).toMatchObject({ outcome: 'finished', step: STEPS, exitCode: 0 });
  expect(await stepsOf(runDir)).toEqual(expected);
  expect(await differingTensors(checkpointFile(runDir, STEPS), checkpointFile(reference, STEPS))).toEqual([]);
  expect((await readRunState(runDir)).resumedAt).toContain(saved);
  const files = [...readdirSync(runDir), ...readdirSync(join(runDir, 'checkpoints'))];
  expect(files.filter((file) => file.endsWith('.tmp') || file.endsWith('.sock'))).toEqual([]);
});
