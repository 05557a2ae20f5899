import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deleteRunCommand } from '../../../../src/extension/runs/deleteRun';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([deleteRunCommand]);
});
afterEach(() => extension.dispose());

const listed = (): string[] => extension.services.registry.runs.map(({ dir }) => dir);

it('asks, and moves the run to the trash of the system', async () => {
  const run = await extension.makeRun({ checkpoints: [10] });
  editor.press('Move to Trash');
  await extension.run(deleteRunCommand, run);
  expect(editor.messages).toMatchObject([
    { severity: 'warning', modal: true, detail: run, buttons: ['Move to Trash'] },
  ]);
  expect(existsSync(run)).toBe(false);
  expect(listed()).toEqual([]);
});

it('leaves the run where the question is closed', async () => {
  const run = await extension.makeRun();
  await extension.run(deleteRunCommand, run);
  expect(editor.messages).toHaveLength(1);
  expect(existsSync(run)).toBe(true);
  expect(listed()).toEqual([run]);
});

it('moves the run beside the others where there is no trash, and brings it back', async () => {
  const run = await extension.makeRun({ checkpoints: [10] });
  editor.trash = false;
  editor.press('Move to Trash');
  await extension.run(deleteRunCommand, run);
  expect(editor.messages[1]?.text).toMatch(/was moved to the folder \.trash beside it\.$/);
  expect(existsSync(run)).toBe(false);
  expect(listed()).toEqual([]);
  const other = await extension.makeRun({ name: 'other' });
  editor.press('Move to Trash');
  editor.press('Undo');
  await extension.run(deleteRunCommand, other);
  await expect.poll(listed).toEqual([other]);
  expect(existsSync(`${other}/run.json`)).toBe(true);
});

it('refuses a run that has not ended', async () => {
  const run = await extension.makeRun({ state: 'queued' });
  await extension.run(deleteRunCommand, run);
  expect(editor.messages).toMatchObject([
    { severity: 'warning', text: expect.stringMatching(/is queued\. Stop it before deleting it\.$/) },
  ]);
  expect(existsSync(run)).toBe(true);
});
