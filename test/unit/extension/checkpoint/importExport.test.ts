import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHECKPOINT_EDITOR } from '../../../../src/extension/checkpoint/checkpointEditor';
import { exportCheckpointCommand, importCheckpointCommand } from '../../../../src/extension/checkpoint/importExport';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { TabInputCustom, Uri } from '../../../support/vscode/values';
import { checkpointFile } from '../../../../src/runs/files';

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([importCheckpointCommand, exportCheckpointCommand]);
});
afterEach(() => extension.dispose());

const inFolder = (name: string): string => join(extension.folder, name);

describe('Import Checkpoint', () => {
  it('imports the file of a menu under the name that the user chooses, and opens it', async () => {
    extension.answer({ import: { messages: 'matched 12 of 12 tensors\n' } });
    editor.saveAs('/out/weights.safetensors');
    editor.press('Show Report');
    const out = await extension.run(importCheckpointCommand, Uri.file('/in/model.v2.pt'));
    expect(out).toBe('/out/weights.safetensors');
    expect(editor.questions).toEqual([{ title: 'save', labels: [inFolder('model.v2.safetensors')] }]);
    expect(extension.calls).toEqual([['import', '/in/model.v2.pt', '--out', '/out/weights.safetensors']]);
    const [command, uri, view] = editor.executed[0]!;
    expect([command, (uri as Uri).fsPath, view]).toEqual(['vscode.openWith', out, CHECKPOINT_EDITOR]);
    await expect.poll(() => editor.shownDocuments[0]?.document.getText()).toBe('matched 12 of 12 tensors\n');
    expect(editor.messages[0]?.text).toBe('Imported model.v2.pt as weights.safetensors.');
    expect(extension.log).toContain('matched 12 of 12 tensors');
  });

  it('imports the file in front of the user, if it is one of PyTorch', async () => {
    editor.activeTab = new TabInputCustom(Uri.file('/in/model.pth'), CHECKPOINT_EDITOR);
    editor.saveAs('/out/a.safetensors');
    await extension.run(importCheckpointCommand);
    expect(extension.calls[0]?.[1]).toBe('/in/model.pth');
    editor.activeTab = new TabInputCustom(Uri.file('/in/ours.safetensors'), CHECKPOINT_EDITOR);
    editor.choose('/in/other.ckpt');
    editor.saveAs('/out/b.safetensors');
    await extension.run(importCheckpointCommand);
    expect(extension.calls[1]?.[1]).toBe('/in/other.ckpt');
  });

  it('shows the last complaint of voco, and opens nothing', async () => {
    extension.answer({ import: { messages: 'reading\n/in/a.pt: is no state dict\n', code: 1 } });
    editor.saveAs('/out/a.safetensors');
    expect(await extension.run(importCheckpointCommand, Uri.file('/in/a.pt'))).toBeUndefined();
    expect(editor.messages).toMatchObject([{ severity: 'error', text: '/in/a.pt: is no state dict' }]);
    expect(editor.executed).toEqual([]);
  });

  it('does nothing when a dialog is closed', async () => {
    await extension.run(importCheckpointCommand);
    await extension.run(importCheckpointCommand, Uri.file('/in/a.pt'));
    expect(extension.calls).toEqual([]);
    expect(editor.messages).toEqual([]);
  });
});

describe('Export Checkpoint', () => {
  it('offers ONNX for a fine-tuned network alone', async () => {
    const formats = async (kind: 'pretrain' | 'finetune'): Promise<readonly string[]> => {
      const run = await extension.makeRun({ kind, checkpoints: [10] });
      await extension.run(exportCheckpointCommand, { checkpoint: { file: checkpointFile(run, 10) } });
      return editor.questions.at(-1)!.labels;
    };
    expect(await formats('pretrain')).toEqual(['PyTorch', 'Safetensors']);
    expect(await formats('finetune')).toEqual(['ONNX', 'PyTorch', 'Safetensors']);
    expect(extension.calls).toEqual([]);
  });

  it('offers nnssl for a pre-trained network that nnssl has', async () => {
    const offered = async (network: object): Promise<readonly string[]> => {
      const config = {
        ...{ kind: 'pretrain', name: 'mae', network },
        data: { train: [{ datalist: '/data/dataset.json' }], validationFraction: 0.1 },
        method: { name: 'mae', crop: [64, 64, 64] },
      };
      const run = await extension.makeRun({ kind: 'pretrain', checkpoints: [10], config });
      await extension.run(exportCheckpointCommand, Uri.file(checkpointFile(run, 10)));
      return editor.questions.at(-1)!.labels;
    };
    expect(await offered({ name: 'unet3d' })).toEqual(['PyTorch', 'Safetensors']);
    editor.pick('nnssl and nnU-Net');
    editor.saveAs('/out/resenc.pth');
    expect(await offered({ name: 'resenc-unet' })).toEqual([inFolder('step-00000010.pth')]);
    expect(extension.calls[0]?.slice(2)).toEqual(['--out', '/out/resenc.pth', '--to', 'nnssl']);
  });

  it('asks for the run, the checkpoint, the format and the file', async () => {
    await extension.makeRun({ name: 'ct', checkpoints: [10] });
    const run = await extension.makeRun({ name: 'mr', checkpoints: [10, 20] });
    editor.pick(/mr/);
    editor.pick('step 10');
    editor.pick('PyTorch');
    editor.saveAs('/out/swin.pt');
    expect(await extension.run(exportCheckpointCommand)).toBe('/out/swin.pt');
    expect(editor.questions[1]?.labels).toEqual(['step 20', 'step 10']);
    expect(editor.questions.at(-1)?.labels).toEqual([inFolder('step-00000010.pt')]);
    expect(extension.calls).toEqual([['export', checkpointFile(run, 10), '--out', '/out/swin.pt', '--to', 'pt']]);
    expect(editor.messages[0]?.text).toBe('Exported swin.pt, with a model card beside it.');
  });

  it('suggests another name than that of the checkpoint itself', async () => {
    const run = await extension.makeRun({ checkpoints: [10] });
    editor.pick('Safetensors');
    editor.saveAs('/out/a.safetensors');
    await extension.run(exportCheckpointCommand, Uri.file(checkpointFile(run, 10)));
    expect(editor.questions.at(-1)?.labels).toEqual([inFolder('step-00000010-weights.safetensors')]);
  });
});
