import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointCommand, pauseCommand, resumeCommand, stopCommand } from '../../../../src/extension/runs/control';
import type { TrainerCommand } from '../../../../src/protocol/trainer';
import { ControlServer } from '../../../../src/runs/control';
import { readRunState, RunStateFile } from '../../../../src/runs/runDirectory';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
let trainer: ControlServer | undefined;
let heard: TrainerCommand[];
beforeEach(() => {
  heard = [];
  extension = new TestExtension([pauseCommand, resumeCommand, checkpointCommand, stopCommand]);
});
afterEach(async () => {
  await trainer?.close();
  trainer = undefined;
  extension.dispose();
});

/** A run whose trainer is this process, which does as it is told. */
async function liveRun(state: 'running' | 'paused', obeys = true): Promise<string> {
  const dir = await extension.makeRun();
  const file = await RunStateFile.open(dir);
  await file.claim({ device: 'cpu' });
  trainer = await ControlServer.start(dir, async (command) => {
    heard.push(command);
    if (command === 'pause') await file.update({ state: 'paused' });
    if (command === 'resume') await file.update({ state: 'running' });
    if (command === 'stop' && obeys) await file.update({ state: 'interrupted', ended: new Date().toISOString() });
    return { state: file.state.state, step: 7, totalSteps: 100 };
  });
  await file.update({ state, control: trainer.address });
  await extension.services.registry.refresh(dir);
  return dir;
}

const phaseOf = (dir: string): string | undefined => extension.services.registry.get(dir)?.phase;

describe('a run that trains', () => {
  it('is paused and goes on', async () => {
    const dir = await liveRun('running');
    await extension.run(pauseCommand);
    expect(phaseOf(dir)).toBe('paused');
    await extension.run(resumeCommand);
    expect(phaseOf(dir)).toBe('running');
    expect(heard).toEqual(['pause', 'resume']);
    expect(editor.messages).toEqual([]);
  });

  it('writes a checkpoint, and its step is told', async () => {
    const dir = await liveRun('running');
    await extension.run(checkpointCommand, dir);
    expect(heard).toEqual(['checkpoint']);
    expect(editor.statusMessages).toEqual([expect.stringMatching(/^VoCo: checkpoint of pretrain.* at step 7$/)]);
  });

  it('is stopped, with a notification while it writes its checkpoint', async () => {
    const dir = await liveRun('running');
    await extension.run(stopCommand, dir);
    expect(heard).toEqual(['stop']);
    expect(editor.progress[0]?.title).toMatch(/^Stopping pretrain.*: writing a checkpoint$/);
    expect(phaseOf(dir)).toBe('interrupted');
    expect(editor.messages).toEqual([]);
  });

  it('is still told to stop when the user does not wait for it', async () => {
    const dir = await liveRun('running', false);
    editor.cancels = /.*/;
    expect(await extension.run(stopCommand, dir)).toBeUndefined();
    expect(heard).toEqual(['stop']);
    expect(editor.messages).toEqual([]);
  });
});

describe('a run that does not train', () => {
  it('is not paused, and the reason is told', async () => {
    const dir = await extension.makeRun({ state: 'finished' });
    await extension.run(pauseCommand, dir);
    expect(editor.messages).toMatchObject([
      { severity: 'error', text: expect.stringMatching(/the run is finished, so it cannot be paused$/) },
    ]);
  });

  it('is started again where it stopped', async () => {
    const dir = await extension.makeRun({ state: 'interrupted', checkpoints: [10] });
    await extension.run(resumeCommand);
    expect(await extension.callOf('pretrain')).toEqual(['pretrain', '--run', dir, '--resume']);
  });

  it('waits for its device to go on, and says so', async () => {
    editor.settings.runsPerDevice = 0;
    const dir = await extension.makeRun({ state: 'failed' });
    await extension.run(resumeCommand, dir);
    expect(phaseOf(dir)).toBe('queued');
    expect(editor.messages[0]?.text).toContain('waits in the queue');
  });

  it('leaves the queue when it is stopped', async () => {
    editor.settings.runsPerDevice = 0;
    const dir = await extension.makeRun({ state: 'queued' });
    await extension.run(stopCommand);
    expect(await readRunState(dir)).toMatchObject({ state: 'interrupted', exitReason: 'taken out of the queue' });
  });
});

it('a trainer that is gone is not asked: its run has failed', async () => {
  const dir = await extension.makeRun();
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  const file = await RunStateFile.open(dir);
  await file.claim({ device: 'cpu' });
  await file.update({ state: 'running', pid: child.pid!, pidStart: 'long ago' });
  await extension.services.registry.refresh(dir);
  expect(phaseOf(dir)).toBe('failed');
  await extension.run(pauseCommand);
  expect(editor.messages[0]?.text).toBe('No run is training, so there is nothing to pause.');
});
