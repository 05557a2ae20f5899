import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkpointOf, pickCheckpoint } from '../../../../src/extension/checkpoint/pickCheckpoint';
import { Cancelled } from '../../../../src/extension/shared/command';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { checkpointFile } from '../../../../src/runs/files';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([]);
});
afterEach(() => extension.dispose());

const NONE = { label: 'None' };

it('lists the checkpoints of the runs, of each run the newest first, then other files', async () => {
  await extension.makeRun({ name: 'ct', checkpoints: [10, 20], now: new Date('2026-01-01') });
  const newer = await extension.makeRun({ name: 'mr', checkpoints: [30], now: new Date('2026-01-02') });
  const { runs } = extension.services.registry;
  editor.pick(/mr/);
  expect(await pickCheckpoint(runs, { title: 'Which?', last: NONE })).toBe(checkpointFile(newer, 30));
  const [question] = editor.questions;
  expect(question?.title).toBe('Which?');
  expect(question?.labels.map((label) => label.replace(/-\d.*/, ''))).toEqual([
    '$(archive) mr',
    '$(archive) ct',
    '$(archive) ct',
    'None',
    '$(folder-opened) Another checkpoint…',
  ]);
});

it('offers only the newest of each run where that is asked', async () => {
  const run = await extension.makeRun({ checkpoints: [10, 20] });
  editor.pick(/archive/);
  const picked = await pickCheckpoint(extension.services.registry.runs, { title: 'Which?', newestOnly: true });
  expect(picked).toBe(checkpointFile(run, 20));
  expect(editor.questions[0]?.labels).toHaveLength(2);
});

it('answers with no file for none, with another file, and not at all when it is closed', async () => {
  editor.pick('None');
  expect(await pickCheckpoint([], { title: 'Which?', last: NONE })).toBeUndefined();
  editor.pick(/Another/);
  editor.choose('/weights/swin.safetensors');
  expect(await pickCheckpoint([], { title: 'Which?' })).toBe('/weights/swin.safetensors');
  await expect(pickCheckpoint([], { title: 'Which?' })).rejects.toBeInstanceOf(Cancelled);
  editor.pick(/Another/);
  await expect(pickCheckpoint([], { title: 'Which?' })).rejects.toBeInstanceOf(Cancelled);
});

it('knows the checkpoint that a menu of the runs view stands on', () => {
  expect(checkpointOf({ checkpoint: { file: '/a.safetensors' } })).toBe('/a.safetensors');
  for (const other of [undefined, null, '/a', {}, { checkpoint: {} }]) expect(checkpointOf(other)).toBeUndefined();
});
