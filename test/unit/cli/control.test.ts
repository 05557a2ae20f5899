import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isAlive, readRunState, sendCommand } from '../../../src/runs';
import {
  killChildren,
  lastCheckpointStep,
  makeTinyPhantom,
  metricsLines,
  phaseOf,
  startVoco,
  stepsOf,
  trainingDevice,
  until,
  voco,
  writeConfig,
  type Running,
} from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-control-'));
let config: string;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  const train = { steps: 100_000, checkpointEvery: 50_000, validateEvery: 50_000 };
  config = writeConfig(root, 'endless', await trainingDevice(), { train, schedule: { name: 'constant' } });
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

async function startRun(runDir: string): Promise<Running> {
  const running = startVoco(['pretrain', config, '--run', runDir, '--json'], root);
  await until(() => metricsLines(runDir) >= 2, 'two steps');
  return running;
}

/** A stopped run has a checkpoint of its last step, a state that says so, and no socket. */
async function expectStopped(runDir: string, reason: RegExp): Promise<number> {
  const state = await readRunState(runDir);
  const steps = await stepsOf(runDir);
  expect(state.state).toBe('interrupted');
  expect(state.exitReason).toMatch(reason);
  expect(state.control).toBeUndefined();
  expect(state.ended).toBeDefined();
  expect(state.step).toBe(steps.at(-1)!.step);
  expect(await lastCheckpointStep(runDir)).toBe(state.step);
  expect(await isAlive(runDir, state)).toBe(false);
  expect(existsSync(join(runDir, 'control.sock'))).toBe(false);
  return state.step;
}

describe('a running job', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('writes a checkpoint at %s, and goes on from it', async (signal) => {
    const runDir = join(root, signal);
    const { child, finished } = await startRun(runDir);
    child.kill(signal);
    const ended = await finished;
    expect(ended).toMatchObject({ code: 130, signal: null });
    expect(ended.stderr).toContain(`${signal}: writing a checkpoint and stopping`);
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'interrupted', exitCode: 130, runDir });
    const step = await expectStopped(runDir, new RegExp(signal));

    const more = await voco(['pretrain', '--resume', '--run', runDir, '--set', `train.steps=${step + 2}`], root);
    expect(more.code).toBe(0);
    const state = await readRunState(runDir);
    expect(state).toMatchObject({ state: 'finished', step: step + 2, resumedAt: [step] });
    expect(state.exitReason).toBeUndefined();
    expect((await stepsOf(runDir)).map((record) => record.step)).toEqual(
      Array.from({ length: step + 2 }, (_, i) => i + 1),
    );
  });

  it('pauses, writes a checkpoint, goes on and stops on request', async () => {
    const runDir = join(root, 'steered');
    const { finished } = await startRun(runDir);
    expect(await sendCommand(runDir, 'status')).toMatchObject({ state: 'running', totalSteps: 100_000 });

    await sendCommand(runDir, 'pause');
    await until(async () => (await phaseOf(runDir)) === 'paused', 'the pause');
    const { step, state, loss } = await sendCommand(runDir, 'status');
    expect(state).toBe('paused');
    expect(loss).toBe((await stepsOf(runDir)).at(-1)!.loss);
    expect(await lastCheckpointStep(runDir)).toBe(step);
    await sleep(400);
    expect(metricsLines(runDir)).toBe(step);

    await sendCommand(runDir, 'checkpoint');
    await until(async () => (await lastCheckpointStep(runDir)) === step, 'the checkpoint');
    expect((await sendCommand(runDir, 'status')).checkpoint).toMatch(/step-\d{8}\.safetensors$/);
    expect(metricsLines(runDir)).toBe(step);

    await sendCommand(runDir, 'resume');
    await until(() => metricsLines(runDir) > step + 1, 'a step after the pause');
    expect(await phaseOf(runDir)).toBe('running');
    const second = await voco(['pretrain', '--resume', '--run', runDir], root);
    expect(second).toMatchObject({ code: 2, stdout: '' });
    expect(second.stderr).toMatch(/this run is active \(process \d+ on /);

    expect((await sendCommand(runDir, 'stop')).state).toBe('stopping');
    expect((await finished).code).toBe(130);
    await expectStopped(runDir, /stopped on request/);
    await expect(sendCommand(runDir, 'status')).rejects.toThrow(/no trainer listens/);
  });

  it('can be interrupted while it pauses', async () => {
    const runDir = join(root, 'paused');
    const { child, finished } = await startRun(runDir);
    await sendCommand(runDir, 'pause');
    await until(async () => (await phaseOf(runDir)) === 'paused', 'the pause');
    child.kill('SIGTERM');
    expect((await finished).code).toBe(130);
    await expectStopped(runDir, /SIGTERM/);
  });
});
