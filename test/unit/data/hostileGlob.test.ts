import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { glob } from '../../../src/data/datalist/glob';
import { filesIn } from '../../../src/formats/dicom/scan';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'voco-glob-'));

test.each([
  ['*a*a*a*a*b', /5 stars in one name/],
  ['+(a|aa)+(a|+(a))', /repeats holds another group/],
  ['{a,b}'.repeat(20), /more than 8 groups/],
  ['x'.repeat(5000), /too long/],
])('the pattern %s is refused', async (pattern, message) => {
  const error: unknown = await glob(join(temporary(), pattern)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toMatch(message);
});

test('folders that link to one another are listed once each by the reader of DICOM folders', async () => {
  const root = temporary();
  const names = Array.from({ length: 9 }, (_, i) => `f${i}`);
  for (const name of names) mkdirSync(join(root, name));
  for (const a of names) for (const b of names) if (a !== b) symlinkSync(join(root, b), join(root, a, `to-${b}`));
  writeFileSync(join(root, 'f0', 'image.dcm'), '');
  expect(await filesIn(root, true)).toEqual([join(root, 'f0', 'image.dcm')]);
});
