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
beforeEach(async () => {
  extension = new TestExtension([newExperimentCommand, makeSampleDatasetCommand]);
  await extension.makeThread('datasets-worker', 'data/datalist/worker.ts');
});
afterEach(() => extension.dispose());

const configs = (): boolean => existsSync(join(extension.folder, 'first.voco.json'));

it('writes a config of the chosen preset, data and name, and opens it', async () => {
  extension.write('ct/a.nii.gz', '');
  extension.write('ct/b.nii.gz', '');
  extension.write('dataset_0.json', '{}');
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
  editor.pick('$(folder) ct');
  editor.enter('first');
  const made = (await extension.run(newExperimentCommand)) as Uri;
  expect(editor.questions.map(({ title }) => title)).toEqual([
    'New Experiment (1): what is to be trained?',
    'New Experiment (2 of 5): start from which preset?',
    'New Experiment (3 of 5): which network?',
    'New Experiment (4 of 5): on which data?',
    'New Experiment (5 of 5): name',
  ]);
  expect(editor.questions[3]?.labels).toEqual([
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
  editor.pick('sawtooth');
  editor.enter('first');
  await extension.run(newExperimentCommand, Uri.file(join(extension.root, 'data/dataset_0.json')));
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config).toMatchObject({
    kind: 'finetune',
    schedule: { name: 'poly', phases: { name: 'sawtooth', decoder: 0.1, warmup: 0.1, decoderRate: 1 } },
  });
  expect(editor.questions.map(({ title }) => title)).toEqual([
    'New Experiment (1): what is to be trained?',
    'New Experiment (2 of 4): what is trained when?',
    'New Experiment (4 of 4): name',
  ]);
  expect(editor.questions[1]?.labels).toEqual([
    'as in the preset',
    'default',
    'frozen',
    'warm-up',
    'sawtooth',
    'valley',
  ]);
  expect(config.data.train).toMatchObject([{ datalist: join(extension.root, 'data/dataset_0.json') }]);
});

it('browses for data elsewhere', async () => {
  mkdirSync(join(extension.root, 'mr'));
  writeFileSync(join(extension.root, 'mr/a.nii'), '');
  extension.write('ct/a.nii.gz', '');
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
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
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
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
    editor.pick('voco');
    editor.pick('demo');
    editor.pick('swin-unetr');
    editor.enter(name);
    await extension.run(newExperimentCommand, Uri.file(extension.folder));
    expect(editor.messages.at(-1)?.text).toContain(name === 'first' ? 'a config of this name already' : 'Use letters');
  }
});

it('writes nothing when a question is closed', async () => {
  expect(await extension.run(newExperimentCommand)).toBeUndefined();
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
  expect(await extension.run(newExperimentCommand)).toBeUndefined();
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
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

it('offers data sets in whole, and lists of any encoding, with what they are', async () => {
  for (const name of ['BDMAP_1', 'BDMAP_2', 'BDMAP_3']) {
    extension.write(`atlas/${name}/ct.nii.gz`, '');
    for (const organ of ['liver', 'spleen']) extension.write(`atlas/${name}/segmentations/${organ}.nii.gz`, '');
  }
  for (const name of ['case_a', 'case_b']) {
    for (const channel of [0, 1]) extension.write(`Dataset007_X/imagesTr/${name}_000${channel}.nii.gz`, '');
    extension.write(`Dataset007_X/labelsTr/${name}.nii.gz`, '');
  }
  const description = {
    channel_names: { 0: 'T2', 1: 'ADC' },
    labels: { background: 0, lesion: 1 },
    file_ending: '.nii.gz',
  };
  extension.write('Dataset007_X/dataset.json', JSON.stringify(description));
  for (const subject of ['sub-01', 'sub-02', 'sub-03'])
    extension.write(`bids/${subject}/ses-1/anat/${subject}_ses-1_T1w.nii.gz`, '');
  const list = ['ct/1.nii.gz', 'ct/2.nii.gz'].map((image) => ({ image }));
  writeFileSync(extension.write('cohort.json', ''), Buffer.from(`\uFEFF${JSON.stringify(list)}`, 'utf16le'));
  extension.write('notes.txt', 'call the clinic\n');
  extension.write('package.json', '{ "name": "x" }');
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
  editor.pick('$(folder) Dataset007_X');
  editor.pick('ADC');
  editor.enter('first');
  await extension.run(newExperimentCommand);
  expect(editor.messages).toEqual([]);
  expect(editor.questions[3]?.labels).toEqual([
    '$(json) cohort.json',
    '$(folder) Dataset007_X',
    '$(folder) atlas',
    '$(folder) bids',
    '$(folder-opened) Another folder or datalist…',
  ]);
  expect(editor.descriptions[3]).toEqual([
    'datalist, 2 cases',
    'nnU-Net data set, 2 cases of 2 channels (0 T2, 1 ADC) of MRI',
    '3 volumes, each with a folder of masks (2 in the first)',
    'BIDS, 3 volumes',
    undefined,
  ]);
  expect(editor.questions[4]).toMatchObject({ labels: ['T2', 'ADC'] });
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config.data.train).toEqual([{ folder: join(extension.folder, 'Dataset007_X'), channel: 1 }]);
});

it('splits a list that names no held-out cases', async () => {
  const list = extension.write('cohort.csv', 'image\nct/1.nii.gz\nct/2.nii.gz\n');
  editor.pick('voco');
  editor.pick('demo');
  editor.pick('swin-unetr');
  editor.enter('first');
  await extension.run(newExperimentCommand, Uri.file(list));
  const { config } = await loadConfig(join(extension.folder, 'first.voco.json'));
  expect(config.data).toMatchObject({
    train: [{ datalist: list, key: 'training' }],
    validation: [],
    validationFraction: 0.2,
  });
});
