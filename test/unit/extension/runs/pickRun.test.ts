import { afterEach, beforeEach, expect, it } from 'vitest';
import { pickRun, runDirOf } from '../../../../src/extension/runs/pickRun';
import { Cancelled, NoFolder } from '../../../../src/extension/shared/command';
import type { RunSummary } from '../../../../src/jobs/runSummary';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([]);
});
afterEach(() => extension.dispose());

const QUESTION = {
  title: 'Which run?',
  suits: (run: RunSummary) => run.phase === 'finished',
  none: 'No run is finished.',
};
const pick = async (argument?: unknown): Promise<string> => (await pickRun(extension.services, argument, QUESTION)).dir;

it('takes the run that a menu, a button or the selection names, even one that does not suit', async () => {
  const run = await extension.makeRun({ state: 'failed' });
  expect(await pick(run)).toBe(run);
  expect(await pick({ run: { dir: run } })).toBe(run);
  extension.services.selection.run = run;
  expect(await pick('selection')).toBe(run);
  expect(runDirOf(extension.services, { run: 3 })).toBeUndefined();
});

it('takes the only run that suits, and asks among several', async () => {
  const first = await extension.makeRun({ name: 'ct' });
  await extension.makeRun({ name: 'broken', state: 'failed' });
  expect(await pick()).toBe(first);
  expect(editor.questions).toEqual([]);
  await extension.makeRun({ name: 'mr' });
  editor.pick(/^ct/);
  expect(await pick()).toBe(first);
  expect(editor.questions[0]?.title).toBe('Which run?');
  expect(editor.questions[0]?.labels).toHaveLength(2);
  await expect(pick()).rejects.toBeInstanceOf(Cancelled);
});

it('says why there is none, and offers to make one', async () => {
  editor.press('Pre-train');
  await expect(pick()).rejects.toBeInstanceOf(Cancelled);
  expect(editor.messages[0]?.text).toBe('There are no runs in this folder yet.');
  await expect.poll(() => editor.executed).toEqual([['voco.pretrain']]);
  await extension.makeRun({ state: 'failed' });
  await expect(pick()).rejects.toBeInstanceOf(Cancelled);
  expect(editor.messages[1]?.text).toBe('No run is finished.');
});

it('needs a folder to look in', async () => {
  editor.folder = undefined;
  await expect(pick()).rejects.toBeInstanceOf(NoFolder);
});
