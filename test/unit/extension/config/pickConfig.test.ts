import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Uri as EditorUri } from 'vscode';
import { pickConfig } from '../../../../src/extension/config/pickConfig';
import { Cancelled, NoFolder } from '../../../../src/extension/shared/command';
import { TestExtension } from '../../../support/extension';
import { workspace } from '../../../support/vscode';
import { editor } from '../../../support/vscode/editor';
import { TabInputText, Uri } from '../../../support/vscode/values';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([]);
});
afterEach(() => extension.dispose());

const pick = async (argument?: unknown, kind?: 'pretrain' | 'finetune'): Promise<string> =>
  ((await pickConfig(argument, 'Which?', kind)) as EditorUri).fsPath;

it('takes the config that a menu names, whatever its kind', async () => {
  const config = extension.config('organs', 'demo-finetune');
  expect(await pick(config, 'pretrain')).toBe(config.fsPath);
  expect(await pick({ config })).toBe(config.fsPath);
});

it('takes the config that is edited, if it is of the kind', async () => {
  const [pretrain, finetune] = [extension.config('ct', 'demo'), extension.config('organs', 'demo-finetune')];
  editor.activeDocument = await workspace.openTextDocument(finetune);
  expect(await pick()).toBe(finetune.fsPath);
  expect(await pick(undefined, 'finetune')).toBe(finetune.fsPath);
  expect(await pick(undefined, 'pretrain')).toBe(pretrain.fsPath);
  editor.activeDocument = undefined;
  editor.activeTab = new TabInputText(pretrain);
  expect(await pick()).toBe(pretrain.fsPath);
});

it('goes by the kind that stands in the editor, not by that on disk', async () => {
  const config = extension.config('ct', 'demo');
  const document = await workspace.openTextDocument(config);
  document.edit('{"kind": "finetune"}');
  expect(await pick(undefined, 'finetune')).toBe(config.fsPath);
});

it('asks among several, with their folders', async () => {
  extension.config('a/ct', 'demo');
  extension.config('b/ct', 'demo');
  extension.config('organs', 'demo-finetune');
  editor.pick('ct.voco.json');
  expect(await pick(undefined, 'pretrain')).toBe(`${extension.folder}/a/ct.voco.json`);
  expect(editor.questions).toEqual([
    { title: 'Which?', labels: ['ct.voco.json', 'ct.voco.json', '$(new-file) New Experiment…'] },
  ]);
});

it('makes a new one where there is none', async () => {
  const made = Uri.file('/elsewhere/new.voco.json');
  editor.commands.set('voco.newExperiment', () => made);
  editor.pick(/New Experiment/);
  expect(await pick()).toBe(made.fsPath);
});

it('is cancelled with its list, with the new experiment, and where no folder is open', async () => {
  await expect(pick()).rejects.toBeInstanceOf(Cancelled);
  editor.commands.set('voco.newExperiment', () => undefined);
  editor.pick(/New Experiment/);
  await expect(pick()).rejects.toBeInstanceOf(Cancelled);
  editor.folder = undefined;
  await expect(pick()).rejects.toBeInstanceOf(NoFolder);
});
