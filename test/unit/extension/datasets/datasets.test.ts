import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDataCommand } from '../../../../src/extension/datasets/checkData';
import { clearCacheCommand } from '../../../../src/extension/datasets/clearCache';
import { makeSampleDatasetCommand, QUIETLY } from '../../../../src/extension/datasets/makeSampleDataset';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import type { Uri } from '../../../support/vscode/values';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([makeSampleDatasetCommand, checkDataCommand, clearCacheCommand]);
});
afterEach(() => extension.dispose());

describe('Make Sample Dataset', () => {
  const folder = (name: string): string => join(extension.folder, name);

  it('makes as many cases as the user says in a new folder, and offers an experiment on them', async () => {
    mkdirSync(folder('sample-data'));
    const datalist = folder('sample-data-2/dataset_0.json');
    extension.answer({ phantom: { output: `${datalist}\n`, messages: 'case 1 of 3\n' } });
    editor.enter('3');
    editor.press('New Experiment');
    const made = await extension.run(makeSampleDatasetCommand);
    expect(made).toEqual({ folder: folder('sample-data-2'), datalist });
    expect(extension.calls).toEqual([['phantom', '--out', folder('sample-data-2'), '--cases', '3']]);
    expect(editor.progress).toEqual([{ title: 'Making the sample dataset', reports: ['case 1 of 3'] }]);
    expect(editor.messages[0]?.text).toBe(`3 cases are in ${folder('sample-data-2')}.`);
    await expect
      .poll(() => editor.executed.map(([id, uri]) => [id, (uri as Uri).fsPath]))
      .toEqual([['voco.newExperiment', datalist]]);
    expect(extension.done).toEqual(['data']);
  });

  it('says nothing to a caller that goes on with it', async () => {
    extension.answer({ phantom: { output: '/a.json\n' } });
    editor.enter('2');
    expect(await extension.run(makeSampleDatasetCommand, QUIETLY)).toMatchObject({ datalist: '/a.json' });
    expect(editor.messages).toEqual([]);
  });

  it.each(['1', '1001', 'many', '2.5'])('does not take %s as a number of cases', async (text) => {
    editor.enter(text);
    await extension.run(makeSampleDatasetCommand);
    expect(editor.messages[0]?.text).toContain('A number from 2 to 1000');
    expect(extension.calls).toEqual([]);
  });

  it('leaves nothing behind when it is cancelled, and when it fails', async () => {
    mkdirSync(folder('sample-data'));
    extension.answer({ phantom: { hangs: true } });
    editor.cancels = /sample dataset/;
    editor.enter('2');
    expect(await extension.run(makeSampleDatasetCommand)).toBeUndefined();
    expect(editor.messages).toEqual([]);
    editor.cancels = undefined;
    extension.answer({ phantom: { messages: 'the disk is full\n', code: 1 } });
    editor.enter('2');
    await extension.run(makeSampleDatasetCommand);
    expect(editor.messages).toMatchObject([{ severity: 'error', text: 'the disk is full' }]);
    expect(existsSync(folder('sample-data-2'))).toBe(false);
    expect(extension.done).toEqual([]);
  });
});

describe('Check Data', () => {
  const finding = (severity: string) => ({ severity, file: '/a.nii', message: 'odd', advice: 'look' });

  it('checks the data of the config as it was saved, and counts what it found', async () => {
    const config = extension.config('ct', 'demo');
    const report = {
      volumes: 3,
      findings: [finding('error'), finding('warning'), finding('warning'), finding('info')],
    };
    extension.answer({ check: { output: JSON.stringify(report), code: 1 } });
    editor.press('Show Problems');
    expect(await extension.run(checkDataCommand)).toEqual(report);
    expect(extension.calls).toEqual([['check', config.fsPath, '--json']]);
    expect(editor.messages).toMatchObject([{ severity: 'error', text: 'The data has 1 error and 2 warnings.' }]);
    await expect.poll(() => editor.executed).toEqual([['workbench.actions.view.problems']]);
    expect(extension.services.checks.get(config as never)).toEqual(report);
    expect(extension.done).toEqual(['check']);
  });

  it('says so where nothing is wrong', async () => {
    extension.config('ct', 'demo');
    extension.answer({ check: { output: JSON.stringify({ volumes: 3, findings: [finding('info')] }) } });
    await extension.run(checkDataCommand);
    expect(editor.messages).toMatchObject([
      { severity: 'information', text: expect.stringContaining('No problems found') },
    ]);
  });

  it('shows why the check could not be made', async () => {
    extension.config('ct', 'demo');
    extension.answer({ check: { messages: 'images: no such folder\n', code: 2 } });
    await extension.run(checkDataCommand);
    expect(editor.messages).toMatchObject([{ severity: 'error', text: 'images: no such folder' }]);
    expect(extension.done).toEqual([]);
  });
});

describe('Clear Cache', () => {
  const status = (entries: number): string => JSON.stringify({ folder: '/cache', entries, bytes: 2_500_000 * entries });

  it('asks with the size, then clears', async () => {
    extension.answer({ cache: { output: status(4) } });
    editor.press('Clear');
    await extension.run(clearCacheCommand);
    expect(editor.messages[0]).toMatchObject({ modal: true, text: expect.stringMatching(/^Remove 4 .* \(10 MB\)\?$/) });
    expect(extension.calls).toEqual([
      ['cache', 'show', '--json'],
      ['cache', 'clear', '--json'],
    ]);
  });

  it('clears nothing when the question is closed, or where there is nothing', async () => {
    extension.answer({ cache: { output: status(4) } });
    await extension.run(clearCacheCommand);
    extension.answer({ cache: { output: status(0) } });
    await extension.run(clearCacheCommand);
    expect(extension.calls.map((args) => args[1])).toEqual(['show', 'show']);
    expect(editor.messages[1]?.text).toContain('is empty (/cache)');
  });
});
