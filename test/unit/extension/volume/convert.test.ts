import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertCommand } from '../../../../src/extension/volume/convert';
import { OPEN_VOLUME } from '../../../../src/extension/volume/openVolume';
import { TestExtension } from '../../../support/extension';
import { editor } from '../../../support/vscode/editor';
import { Uri } from '../../../support/vscode/values';

const entry = (key: string, description: string) => ({
  key,
  uid: `1.2.${key}`,
  number: Number.parseInt(key, 10),
  description,
  modality: 'CT',
  slices: 14,
  columns: 40,
  rows: 36,
  plane: 'axial',
  part: '',
  folder: '/scans',
});

let extension: TestExtension;
beforeEach(() => {
  extension = new TestExtension([convertCommand]);
});
afterEach(() => extension.dispose());

const answer = (series: unknown[], warnings: string[] = []): void =>
  extension.answer({ convert: { output: JSON.stringify({ series, others: [], warnings }) } });
const opened = (): string => (editor.executed[0]![1] as Uri).fsPath;

it('converts the only series of a folder, beside it, and opens it', async () => {
  extension.write('patient 1/IM0001', '');
  const input = join(extension.folder, 'patient 1');
  answer([entry('3', 'Thin')]);
  const out = join(extension.folder, 'patient_1.nii.gz');
  editor.saveAs(out);
  expect(await extension.run(convertCommand, Uri.file(input))).toEqual([out]);
  expect(extension.calls).toEqual([
    ['convert', input, '--list', '--json'],
    ['convert', input, '--out', out, '--json'],
  ]);
  expect([editor.executed[0]![0], opened()]).toEqual([OPEN_VOLUME, out]);
});

it('asks which of several series, and tells what the conversion warns of', async () => {
  extension.write('scans/IM0001', '');
  const input = join(extension.folder, 'scans');
  answer([entry('2', 'Thick'), entry('3#2', 'Thin / B')], ['gantry tilt']);
  editor.pick(/Thin/);
  const out = join(extension.folder, 'thin.nii.gz');
  editor.saveAs(out);
  await extension.run(convertCommand, Uri.file(input));
  expect(extension.calls[1]).toEqual(['convert', input, '--out', out, '--series', '3#2', '--json']);
  expect(editor.messages[0]?.text).toBe('thin.nii.gz: gantry tilt');
});

it('converts all series into a folder, over no file', async () => {
  extension.write('scans/IM0001', '');
  const input = join(extension.folder, 'scans');
  answer([entry('2', 'Thick'), entry('3#2', 'Thin / B')]);
  editor.pick(/All 2 series/);
  editor.choose(extension.folder);
  const files = ['scans-2-Thick.nii.gz', 'scans-3-Thin_B-2.nii.gz'].map((name) => join(extension.folder, name));
  expect(await extension.run(convertCommand, Uri.file(input))).toEqual(files);
  expect(extension.calls.slice(1).map((args) => args.slice(2))).toEqual([
    ['--out', files[0], '--series', '2', '--json'],
    ['--out', files[1], '--series', '3#2', '--json'],
  ]);
});

it('converts a file of another format without asking for a series, over a file for which the dialog has asked', async () => {
  const input = extension.write('case1.seg.nrrd', '');
  answer([]);
  const out = extension.write('case1.nii.gz', '');
  editor.saveAs(out);
  await extension.run(convertCommand, Uri.file(input));
  expect(extension.calls).toEqual([['convert', input, '--out', out, '--force', '--json']]);
});

it('shows why an input cannot be converted', async () => {
  const input = extension.write('plan.dcm', '');
  extension.answer({ convert: { code: 1, messages: 'plan.dcm: is an RT Plan (RTPLAN): no image\n' } });
  editor.saveAs(join(extension.folder, 'plan.nii.gz'));
  await extension.run(convertCommand, Uri.file(input));
  expect(editor.messages[0]?.text).toBe('plan.dcm: is an RT Plan (RTPLAN): no image');
});
