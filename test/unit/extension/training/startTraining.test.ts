import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareWithScratchCommand, finetuneCommand } from '../../../../src/extension/training/finetune';
import { pretrainCommand } from '../../../../src/extension/training/pretrain';
import { readLaunch } from '../../../../src/runs/launch';
import { readRunConfig, readRunState } from '../../../../src/runs/runDirectory';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { workspace } from '../../../support/vscode';
import { checkpointFile, runFiles } from '../../../../src/runs/files';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([pretrainCommand, finetuneCommand, compareWithScratchCommand]);
});
afterEach(() => extension.dispose());

interface Started {
  readonly device: string;
  readonly init?: { readonly checkpoint: string | null };
}

const configOf = async (dir: unknown): Promise<Started> => (await readRunConfig(dir as string)) as Started;
const nothingStarted = (): void => {
  expect(extension.services.registry.runs).toEqual([]);
  expect(extension.calls).toEqual([]);
};

describe('Pre-train', () => {
  it('makes a run of the only config and starts the trainer in it', async () => {
    const config = extension.config('liver', 'demo');
    const dir = (await extension.run(pretrainCommand)) as string;
    expect(editor.questions).toEqual([]);
    expect(dirname(dir)).toBe(`${extension.folder}/runs`);
    expect(await readRunState(dir)).toMatchObject({ name: 'liver', kind: 'pretrain', configFile: config.fsPath });
    expect(await extension.callOf('pretrain')).toEqual(['pretrain', runFiles(dir).config, '--run', dir]);
    expect(extension.done).toEqual(['pretrain']);
  });

  it('trains on the device of the settings, else on that of the config', async () => {
    extension.config('liver', 'demo', (text) => text.replace(/"device": "\w+"/, '"device": "wasm"'));
    expect((await configOf(await extension.run(pretrainCommand))).device).toBe('wasm');
    editor.settings.device = 'cpu';
    const dir = (await extension.run(pretrainCommand)) as string;
    expect((await configOf(dir)).device).toBe('cpu');
    expect((await readLaunch(dir))?.device).toBe('cpu');
  });

  it('saves what was changed in the editor before it starts', async () => {
    const config = extension.config('liver', 'demo');
    const document = await workspace.openTextDocument(config);
    document.edit(document.getText().replace('"name": "liver"', '"name": "spleen"'));
    const dir = (await extension.run(pretrainCommand, config)) as string;
    expect(document.isDirty).toBe(false);
    expect(readFileSync(config.fsPath, 'utf8')).toContain('"name": "spleen"');
    expect((await readRunState(dir)).name).toBe('spleen');
  });

  it('waits in the queue, and says so, while its device is taken', async () => {
    editor.settings.runsPerDevice = 0;
    extension.config('liver', 'demo');
    const dir = (await extension.run(pretrainCommand)) as string;
    expect(extension.services.registry.get(dir)?.phase).toBe('queued');
    expect(editor.messages.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^liver.* waits in the queue: its device is taken \(see the setting voco.runsPerDevice\)\.$/,
      ),
    ]);
    expect(extension.calls).toEqual([]);
  });

  it('starts nothing with a config that has an error: it is shown on its line', async () => {
    const config = extension.config('liver', 'demo', (text) => text.replace(/"lr": [\d.e-]+/, '"lr": "fast"'));
    const line = readFileSync(config.fsPath, 'utf8')
      .split('\n')
      .findIndex((one) => one.includes('"fast"'));
    editor.press('Show Problems');
    expect(await extension.run(pretrainCommand)).toBeUndefined();
    const [message] = editor.messages;
    expect(message).toMatchObject({
      severity: 'error',
      text: expect.stringContaining(`Not started, line ${line + 1}: `),
    });
    expect(editor.shownDocuments[0]?.selection).toMatchObject({ start: { line } });
    expect(editor.executed).toEqual([['workbench.actions.view.problems']]);
    nothingStarted();
  });

  it('offers the right command for a config of another kind', async () => {
    const config = extension.config('organs', 'demo-finetune');
    editor.press('Fine-tune');
    editor.commands.delete('voco.finetune');
    expect(await extension.run(pretrainCommand, config)).toBeUndefined();
    expect(editor.messages[0]?.text).toBe('organs.voco.json is a config for fine-tuning.');
    expect(editor.executed[0]).toEqual(['voco.finetune', config]);
  });

  it('starts nothing in a folder that is not trusted', async () => {
    extension.config('liver', 'demo');
    editor.trusted = false;
    await extension.run(pretrainCommand);
    expect(editor.messages[0]).toMatchObject({
      severity: 'error',
      text: expect.stringMatching(/^This folder is not trusted/) as string,
    });
    nothingStarted();
  });
});

describe('Fine-tune', () => {
  it('asks for no weights where there are none, and trains as the config says', async () => {
    extension.config('organs', 'demo-finetune');
    const dir = await extension.run(finetuneCommand);
    expect(editor.questions).toEqual([]);
    expect((await configOf(dir)).init).toMatchObject({ checkpoint: null });
  });

  it('starts from the newest checkpoint of the pre-training that the user picks', async () => {
    extension.config('organs', 'demo-finetune');
    const pretrained = await extension.makeRun({ name: 'ct', checkpoints: [10, 20] });
    editor.pick(/ct/);
    const dir = (await extension.run(finetuneCommand)) as string;
    expect(editor.questions[0]?.title).toBe('Start from which pre-trained weights?');
    expect(editor.questions[0]?.labels).toHaveLength(3);
    expect((await configOf(dir)).init).toMatchObject({ checkpoint: checkpointFile(pretrained, 20) });
    expect((await extension.callOf('finetune'))[1]).toBe(runFiles(dir).config);
  });

  it('trains from random weights when the user picks none', async () => {
    extension.config('organs', 'demo-finetune');
    await extension.makeRun({ checkpoints: [10] });
    editor.pick(/None: random weights/);
    expect((await configOf(await extension.run(finetuneCommand))).init).toMatchObject({ checkpoint: null });
  });

  it('takes the checkpoint that a menu stands on without asking', async () => {
    extension.config('organs', 'demo-finetune');
    const run = await extension.makeRun({ checkpoints: [10, 20] });
    const file = checkpointFile(run, 10);
    const dir = await extension.run(finetuneCommand, { checkpoint: { file } });
    expect(editor.questions).toEqual([]);
    expect((await configOf(dir)).init).toMatchObject({ checkpoint: file });
  });

  it('starts nothing when the question for weights is closed', async () => {
    extension.config('organs', 'demo-finetune');
    await extension.makeRun({ checkpoints: [10] });
    expect(await extension.run(finetuneCommand)).toBeUndefined();
    expect(editor.questions).toHaveLength(1);
    expect(editor.messages).toEqual([]);
    expect(extension.services.registry.runs).toHaveLength(1);
  });
});

describe('Compare with Scratch', () => {
  it('starts a study from the weights that the user picks, and shows its results', async () => {
    extension.config('organs', 'demo-finetune');
    const pretrained = await extension.makeRun({ checkpoints: [10] });
    editor.pick(/pretrain/);
    const dir = (await extension.run(compareWithScratchCommand)) as string;
    expect(editor.questions[0]?.title).toBe('Compare which pre-trained weights with scratch?');
    // Nothing would be compared without weights.
    expect(editor.questions[0]?.labels.some((label) => label.includes('None'))).toBe(false);
    expect((await readRunState(dir)).kind).toBe('study');
    expect((await configOf(dir)).init).toMatchObject({ checkpoint: checkpointFile(pretrained, 10) });
    expect(await extension.callOf('study')).toEqual(['study', runFiles(dir).config, '--run', dir]);
    expect(extension.shown).toEqual([['results', dir]]);
  });
});
