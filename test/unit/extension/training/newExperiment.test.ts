import { existsSync } from 'node:fs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config';
import { makeSampleDatasetCommand } from '../../../../src/extension/datasets/makeSampleDataset';
import { newExperimentCommand } from '../../../../src/extension/training/newExperiment';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { Uri } from '../../../support/vscode/values';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([newExperimentCommand, makeSampleDatasetCommand]);
});
afterEach(() => extension.dispose());

const configs = (): boolean => existsSync(join(extension.folder, 'first.voco.json'));

it('writes a config of the chosen preset, data and name, and opens it', async () => {
  extension.write('ct/a.nii.gz', '');
  extension.write('ct/b.nii.gz', '');
  extension.write('dataset_0.json', '{}');
  editor.pick('demo');
  editor.pick('$(folder) ct');
  editor.enter('first');
  const made = (await extension.run(newExperimentCommand)) as Uri;
  expect(editor.questions.map(({ title }) => title)).toEqual([
    'New Experiment (1 of 3): start from which preset?',
    'New Experiment (2 of 3): on which data?',
    'New Experiment (3 of 3): name',
  ]);
  expect(editor.questions[1]?.labels).toEqual([
    '$(json) dataset_0.json',
    '$(folder) ct',
    '$(folder-opened) Another folder or datalist…',
  ]);
  expect(made.fsPath).toBe(join(extension.folder, 'first.voco.json'));
  const { config } = await loadConfig(made.fsPath);
  expect(config).toMatchObject({ kind: 'pretrain', name: 'first' });
  expect(config.data.train).toMatchObject([{ folder: join(extension.folder, 'ct') }]);
  expect(editor.shownDocuments.map(({ document }) => document.uri.fsPath)).toEqual([made.fsPath]);
  expect(extension.done).toEqual(['config']);
});

it('takes the datalist that a menu stands on, and a path outside of the folder', async () => {
  editor.pick('demo-finetune');
  editor.enter('first');
  await extension.run(newExperimentCommand, Uri.file(join(extension.root, 'data/dataset_0.json')));
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config.kind).toBe('finetune');
  expect(config.data.train).toMatchObject([{ datalist: join(extension.root, 'data/dataset_0.json') }]);
});

it('browses for data elsewhere', async () => {
  mkdirSync(join(extension.root, 'mr'));
  writeFileSync(join(extension.root, 'mr/a.nii'), '');
  extension.write('ct/a.nii.gz', '');
  editor.pick('demo');
  editor.pick(/Another folder/);
  editor.choose(join(extension.root, 'mr'));
  editor.enter('first');
  await extension.run(newExperimentCommand);
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config.data.train).toMatchObject([{ folder: join(extension.root, 'mr') }]);
});

it('makes a sample dataset on the way where the folder has no volumes', async () => {
  const datalist = join(extension.folder, 'sample-data/dataset_0.json');
  extension.answer({ phantom: { output: `${datalist}\n` } });
  editor.pick('demo');
  editor.pick('$(beaker) Make a sample dataset of synthetic CT…');
  editor.enter('4');
  editor.enter('first');
  await extension.run(newExperimentCommand);
  expect(extension.calls).toEqual([['phantom', '--out', join(extension.folder, 'sample-data'), '--cases', '4']]);
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config.data.train).toMatchObject([{ datalist }]);
  // The experiment goes on: the user is not asked to begin one.
  expect(editor.messages).toEqual([]);
});

it('refuses names that make no file, or a file that is there', async () => {
  extension.write('first.voco.json', '{}');
  for (const name of ['first', '../up', '.hidden', '']) {
    editor.pick('demo');
    editor.enter(name);
    await extension.run(newExperimentCommand, Uri.file(extension.folder));
    expect(editor.messages.at(-1)?.text).toContain(name === 'first' ? 'a config of this name already' : 'Use letters');
  }
});

it('writes nothing when a question is closed', async () => {
  expect(await extension.run(newExperimentCommand)).toBeUndefined();
  editor.pick('demo');
  expect(await extension.run(newExperimentCommand)).toBeUndefined();
  editor.pick('demo');
  editor.pick(/Another folder/);
  expect(await extension.run(newExperimentCommand)).toBeUndefined();
  expect(configs()).toBe(false);
  expect(editor.messages).toEqual([]);
});

it('offers to open a folder where none is open', async () => {
  editor.folder = undefined;
  editor.press('Open Folder');
  await extension.run(newExperimentCommand);
  expect(editor.messages[0]?.text).toBe('Open a folder first: the config and its runs are written into it.');
  expect(editor.executed).toEqual([['vscode.openFolder']]);
});
