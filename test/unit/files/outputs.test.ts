import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomically } from '../../../src/files/atomic';
import { checkOutputs } from '../../../src/files/outputs';
import { makePrivateFolder } from '../../../src/files/privateFolder';

const root = mkdtempSync(join(tmpdir(), 'voco-outputs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let input: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  input = join(folder, 'ct.nii.gz');
  writeFileSync(input, 'a scan');
});

describe('what is read', () => {
  it.each([
    ['by its own path', () => input],
    ['by another spelling', () => join(folder, '.', 'x', '..', 'ct.nii.gz')],
    ['through a symbolic link', () => (symlinkSync(input, join(folder, 'link.nii.gz')), join(folder, 'link.nii.gz'))],
    ['through a hard link', () => (linkSync(input, join(folder, 'hard.nii.gz')), join(folder, 'hard.nii.gz'))],
    ['through a linked folder', () => (symlinkSync(folder, join(root, 'around')), join(root, 'around/ct.nii.gz'))],
  ])('is never replaced, %s', async (_, spelled) => {
    mkdirSync(join(folder, 'x'));
    const outputs = [spelled()];
    await expect(checkOutputs({ outputs, inputs: [input], force: true })).rejects.toThrow(/would replace .*read/);
  });
});

it('what is there is replaced by force alone, and a new file needs none', async () => {
  const [there, free] = [join(folder, 'labels.nii.gz'), join(folder, 'new/labels.nii.gz')];
  writeFileSync(there, 'work of a week');
  await checkOutputs({ outputs: [free], inputs: [input] });
  const refused = checkOutputs({ outputs: [free, there], inputs: [input] });
  await expect(refused).rejects.toThrow(`${there}: is there already; name another place, or add --force`);
  await checkOutputs({ outputs: [free, there], inputs: [input], force: true });
});

it('two results never go to one file, also where a disk folds case', async () => {
  const outputs = ['a.nii.gz', 'b.nii.gz', 'A.nii.gz'].map((name) => join(folder, name));
  await expect(checkOutputs({ outputs, inputs: [], force: true })).rejects.toThrow(/same file as .*a\.nii\.gz/);
  const twice = { outputs: [outputs[0]!, outputs[0]!], inputs: [] };
  await expect(checkOutputs(twice)).rejects.toThrow(/two results/);
});

it('a folder, a device and a pipe are no files to write to', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const file of [folder, '/dev/full', '/dev/null', pipe]) {
    await expect(checkOutputs({ outputs: [file], inputs: [], force: true })).rejects.toThrow(/not a file to write to/);
    await expect(writeFileAtomically(file, 'content')).rejects.toThrow(/not a file to write to/);
  }
});

it('a folder in which nothing can be made is an error, not an endless try', async () => {
  const file = '/proc/voco/results/scores.json';
  await expect(writeFileAtomically(file, 'content')).rejects.toThrow(`${file}: cannot write the file`);
  const state = '/proc/voco/state';
  await expect(makePrivateFolder(state)).rejects.toThrow(`${state}: cannot make the folder`);
});

it('a refused write leaves what was there', async () => {
  await checkOutputs({ outputs: [input], inputs: [input], force: true }).catch(() => undefined);
  expect(readFileSync(input, 'utf8')).toBe('a scan');
});
