import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { finetuneFromCommand } from '../../../../src/extension/training/finetuneFrom';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';

let extension: TestExtension;
beforeEach(async () => {
  extension = new TestExtension([finetuneFromCommand]);
  await extension.makeThread('datasets-worker', 'data/datalist/worker.ts');
});
afterEach(() => extension.dispose());

const report = {
  lines: ['network: unet3d, feature size 4, encoder and decoder', 'crops: 32×32×32'],
  presets: [
    { name: 'btcv', description: 'thirteen organs' },
    { name: 'lits', description: 'liver' },
  ],
};

it('asks for a preset that fits, a schedule, data and a name, and lets voco write the config', async () => {
  extension.write('ct/a.nii.gz', '');
  extension.answer({ init: { output: JSON.stringify(report) } });
  const file = join(extension.folder, 'step-00000010.safetensors');
  editor.pick('lits');
  editor.pick('sawtooth');
  editor.pick('$(folder) ct');
  editor.enter('mine');
  await extension.run(finetuneFromCommand, { checkpoint: { file } });
  expect(editor.questions.map(({ title }) => title)).toEqual([
    'Fine-tune from This Checkpoint (1 of 4): start from which preset?',
    'Fine-tune from This Checkpoint (2 of 4): what is trained when?',
    'Fine-tune from This Checkpoint (3 of 4): on which data?',
    'Fine-tune from This Checkpoint (4 of 4): name',
  ]);
  expect(editor.questions[0]?.labels).toEqual(['btcv', 'lits']);
  const config = join(extension.folder, 'mine.voco.json');
  expect(extension.calls).toEqual([
    ['init', '--list', '--json', '--from', file],
    [
      ...['init', config, '--from', 'step-00000010.safetensors', '--preset', 'lits', '--data', 'ct'],
      ...['--name', 'mine', '--schedule', 'sawtooth'],
    ],
  ]);
});

it('says what is wrong with a file, and writes nothing when a question is closed', async () => {
  extension.answer({ init: { code: 1, messages: 'a.pt: is a PyTorch file; convert it\n' } });
  const file = join(extension.folder, 'a.pt');
  await extension.run(finetuneFromCommand, { checkpoint: { file } });
  expect(editor.messages.at(-1)?.text).toContain('a.pt: is a PyTorch file; convert it');
  extension.answer({ init: { output: JSON.stringify(report) } });
  expect(await extension.run(finetuneFromCommand, { checkpoint: { file } })).toBeUndefined();
  expect(extension.calls.filter((call) => call.includes('--preset'))).toEqual([]);
});
