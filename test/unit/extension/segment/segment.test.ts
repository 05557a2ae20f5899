import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { presetConfig } from '../../../../src/config';
import { offersOf } from '../../../../src/extension/segment/settings';
import { segmentCommand } from '../../../../src/extension/segment/segment';
import { OPEN_VOLUME } from '../../../../src/extension/volume/openVolume';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { TabInputCustom, Uri } from '../../../support/vscode/values';
import { checkpointFile } from '../../../../src/runs/files';

let extension: TestExtension;
let checkpoint: string;
beforeEach(async () => {
  extension = new TestExtension([segmentCommand]);
  const config = presetConfig('demo-finetune', { data: 'images' });
  checkpoint = checkpointFile(
    await extension.makeRun({ kind: 'finetune', name: 'organs', checkpoints: [10], config }),
    10,
  );
});
afterEach(() => extension.dispose());

const segmentations = (): string => join(extension.folder, 'segmentations');
const NAME = /\/case1-organs[^/]*\.nii\.gz$/;

it('segments the image of a menu with the checkpoint that the user picks, and opens it with its labels', async () => {
  const image = extension.write('imagesTs/case1.nii.gz', '');
  editor.settings.device = 'cpu';
  editor.pick(/organs/);
  const [out] = (await extension.run(segmentCommand, Uri.file(image))) as string[];
  expect(out!.startsWith(`${segmentations()}/`)).toBe(true);
  expect(out).toMatch(NAME);
  expect(extension.calls).toEqual([['segment', image, '--checkpoint', checkpoint, '--out', out, '--device', 'cpu']]);
  const [command, uri, options] = editor.executed[0]!;
  expect([command, (uri as Uri).fsPath]).toEqual([OPEN_VOLUME, image]);
  expect(options).toMatchObject({ overlays: [{ uri: Uri.file(out!), name: 'prediction', mode: 'labels' }] });
});

it('segments every selected image, and takes a new name where there is a file', async () => {
  const [first, second] = [extension.write('a/case1.nii.gz', ''), extension.write('a/case2.nii', '')];
  const selected = [Uri.file(first), Uri.file(second), Uri.file('/notes.txt')];
  editor.pick(/organs/);
  const before = (await extension.run(segmentCommand, selected[0], selected)) as string[];
  expect(before).toHaveLength(2);
  expect(editor.messages[0]?.text).toBe(`2 segmentations are in ${segmentations()}.`);
  extension.write(before[0]!.slice(extension.folder.length), '');
  editor.pick(/organs/);
  const [again] = (await extension.run(segmentCommand, Uri.file(first))) as string[];
  expect(again).toBe(before[0]!.replace(/\.nii\.gz$/, '-2.nii.gz'));
});

it('takes several files as channels of one case where the network has as many', async () => {
  const config = presetConfig('demo-finetune', { data: 'images' });
  const network = { ...config.network, inChannels: 2 };
  const run = await extension.makeRun({
    kind: 'finetune',
    checkpoints: [10],
    config: { ...config, network, data: { ...config.data, channel: 'all' } },
  });
  const [t1, t2] = [extension.write('case1-t1.nii', ''), extension.write('case1-t2.nii', '')];
  editor.pick(new RegExp('finetune'));
  await extension.run(segmentCommand, Uri.file(t2), [Uri.file(t2), Uri.file(t1)]);
  expect(extension.calls.map((args) => args[1])).toEqual([`${t1},${t2}`]);
  expect(extension.calls[0]).toContain(checkpointFile(run, 10));
});

it('takes the volume that is shown, else asks for one', async () => {
  editor.activeTab = new TabInputCustom(Uri.file('/scans/shown.nii.gz'), 'voco.volume');
  await extension.run(segmentCommand, { checkpoint: { file: checkpoint } });
  editor.activeTab = undefined;
  editor.choose('/scans/chosen.nii');
  await extension.run(segmentCommand, { checkpoint: { file: checkpoint } });
  expect(extension.calls.map((args) => args[1])).toEqual(['/scans/shown.nii.gz', '/scans/chosen.nii']);
});

it('refuses weights that cannot segment', async () => {
  const image = Uri.file(extension.write('case1.nii', ''));
  const file = checkpointFile(await extension.makeRun({ checkpoints: [10] }), 10);
  editor.pick(/Another/);
  editor.choose(file);
  await extension.run(segmentCommand, image);
  expect(editor.messages[0]).toMatchObject({
    severity: 'error',
    text: `${file}: is not a fine-tuning checkpoint; fine-tune the weights first (VoCo: Fine-tune)`,
  });
  expect(extension.calls).toEqual([]);
});

it('shows the last complaint of voco, and opens nothing', async () => {
  extension.answer({ segment: { messages: 'device: cpu\ncase1.nii: cannot be read\n', code: 1 } });
  editor.pick(/organs/);
  await extension.run(segmentCommand, Uri.file(extension.write('case1.nii', '')));
  expect(editor.messages).toMatchObject([{ severity: 'error', text: 'case1.nii: cannot be read' }]);
  expect(editor.progress[0]?.reports).toEqual(['on cpu']);
  expect(editor.executed).toEqual([]);
});

it('offers the settings that voco advises, and goes on with the one that is chosen', async () => {
  const at = 'data.preprocess.intensity';
  const said =
    `case1.nii: not in Hounsfield units: 1024 too high; add --set ${at}.offset=-1024, or correct the file; ` +
    `MR needs a network that was trained on MR; --set ${at}.check=false segments the image as it is`;
  extension.answer({ segment: { messages: `${said}\n`, code: 1 }, 'segment --set': {} });
  editor.pick(/organs/);
  const image = extension.write('case1.nii', '');
  editor.press('Segment with offset −1024');
  const files = (await extension.run(segmentCommand, Uri.file(image))) as string[];
  expect(editor.messages).toMatchObject([
    { severity: 'error', text: said, buttons: ['Segment with offset −1024', 'Segment as It Is'] },
  ]);
  expect(extension.calls.map((args) => args.slice(6))).toEqual([[], ['--set', `${at}.offset=-1024`]]);
  expect(files).toHaveLength(1);
});

it('takes no setting from the name of a file, and does nothing when none is chosen', async () => {
  expect(offersOf('--set network.name=x; --set data.preprocess.intensity.offset=1;rm: is no volume')).toEqual([
    { label: 'Segment with offset 1', set: ['data.preprocess.intensity.offset=1'] },
  ]);
  expect(
    offersOf('a: add --set data.preprocess.intensity.rescale=425 --set data.preprocess.intensity.offset=-175'),
  ).toEqual([
    {
      label: 'Segment with rescale 425 and with offset −175',
      set: ['data.preprocess.intensity.rescale=425', 'data.preprocess.intensity.offset=-175'],
    },
  ]);
  extension.answer({ segment: { messages: 'a; --set data.preprocess.intensity.check=false\n', code: 1 } });
  editor.pick(/organs/);
  await extension.run(segmentCommand, Uri.file(extension.write('case1.nii', '')));
  expect(extension.calls).toHaveLength(1);
  expect(editor.executed).toEqual([]);
});

it('ends when it is cancelled', async () => {
  extension.answer({ segment: { hangs: true } });
  editor.cancels = /^Segmenting$/;
  editor.pick(/organs/);
  expect(await extension.run(segmentCommand, Uri.file(extension.write('case1.nii', '')))).toBeUndefined();
  expect(editor.messages).toEqual([]);
  expect(editor.executed).toEqual([]);
});

it('does nothing when a question is closed', async () => {
  await extension.run(segmentCommand);
  await extension.run(segmentCommand, Uri.file(extension.write('case1.nii', '')));
  expect(extension.calls).toEqual([]);
  expect(existsSync(segmentations())).toBe(false);
  expect(editor.messages).toEqual([]);
});
