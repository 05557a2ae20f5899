import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { presetConfig } from '../../../../src/config';
import { evaluateCommand, showResultsCommand } from '../../../../src/extension/results/evaluate';
import { readRunConfig, readRunState } from '../../../../src/runs/runDirectory';
import { TestExtension, type RunOptions } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { Uri } from '../../../support/vscode/values';
import { checkpointFile, runFiles } from '../../../../src/runs/files';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([evaluateCommand, showResultsCommand]);
});
afterEach(() => extension.dispose());

const finetuned = (options: RunOptions = {}): Promise<string> => {
  const config = { ...presetConfig('demo-finetune', { data: 'images' }), output: `${extension.folder}/runs` };
  return extension.makeRun({ kind: 'finetune', checkpoints: [10, 20], config, ...options });
};

describe('Evaluate', () => {
  it('scores the newest checkpoint of the only fine-tuning, as a run that is shown', async () => {
    await extension.makeRun({ kind: 'pretrain', checkpoints: [10] });
    const run = await finetuned();
    editor.settings.device = 'cpu';
    const dir = (await extension.run(evaluateCommand)) as string;
    const file = checkpointFile(run, 20);
    expect(await readRunState(dir)).toMatchObject({ kind: 'evaluate', initFrom: file });
    expect(await readRunConfig(dir)).toMatchObject({ kind: 'finetune', device: 'cpu' });
    expect(await extension.callOf('evaluate')).toEqual([
      ...['evaluate', runFiles(dir).config, '--run', dir, '--checkpoint', file],
    ]);
    expect(extension.shown).toEqual([['results', dir]]);
    expect(extension.done).toEqual(['results']);
  });

  it('scores the checkpoint that a menu stands on', async () => {
    const run = await finetuned();
    const file = checkpointFile(run, 10);
    const dir = (await extension.run(evaluateCommand, { checkpoint: { file } })) as string;
    expect((await readRunState(dir)).initFrom).toBe(file);
  });

  it('offers the runs of the config that is open alone', async () => {
    await finetuned({ name: 'other' });
    const config = Uri.file(`${extension.folder}/organs.voco.json`);
    const own = await finetuned({ name: 'organs', configFile: config.fsPath });
    const dir = (await extension.run(evaluateCommand, config)) as string;
    expect((await readRunState(dir)).initFrom).toBe(checkpointFile(own, 20));
    expect(editor.questions).toEqual([]);
  });

  it('starts nothing where no fine-tuning has a checkpoint, or the list is closed', async () => {
    await extension.makeRun({ checkpoints: [10] });
    await extension.run(evaluateCommand);
    expect(editor.messages[0]?.text).toBe('There is no fine-tuning with a checkpoint to evaluate yet.');
    await finetuned({ name: 'a' });
    await finetuned({ name: 'b' });
    await extension.run(evaluateCommand);
    expect(editor.questions).toHaveLength(1);
    expect(extension.services.registry.runs).toHaveLength(3);
    expect(extension.shown).toEqual([]);
  });
});

describe('Show Results', () => {
  it('shows the run that a menu names, that of a config, or what is newest', async () => {
    const run = await finetuned({ configFile: '/organs.voco.json' });
    await extension.run(showResultsCommand, run);
    await extension.run(showResultsCommand, Uri.file('/organs.voco.json'));
    await extension.run(showResultsCommand);
    expect(extension.shown).toEqual([
      ['results', run],
      ['results', run],
      ['results', undefined],
    ]);
  });
});
