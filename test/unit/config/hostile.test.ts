/** Texts that no person writes: each is one or a few problems, found in a time that grows with the text alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagnose, diagnoseInEditor, lineAndColumn } from '../../../src/config/diagnose';
import { kindOfText } from '../../../src/config/kindOfText';
import { loadConfig } from '../../../src/config';
import { UsageError } from '../../../src/errors/userError';
import { temporaryFolder } from '../runs/support';

const messages = (text: string): string[] =>
  diagnose(text, 'a.voco.json').map(({ path, message }) => `${path}: ${message}`);
const list = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(',');
const source = '{ "glob": "a/*.nii.gz" }';

describe('texts beyond every config', () => {
  test.each<[string, string, RegExp]>([
    ['100 000 lists in each other', '['.repeat(1e5), /^: lists and objects are nested more than 100 deep/],
    ['the same behind a quote in a comment', `// "\n${'['.repeat(1e5)}`, /nested more than 100 deep/],
    ['the same behind an open text', `"\n${'{"a":'.repeat(1e5)}`, /nested more than 100 deep/],
    ['the same behind a quote in a long comment', `/* " */${'['.repeat(1e5)}`, /nested more than 100 deep/],
    ['5000 unknown keys', `{ "kind": "pretrain", ${list(5000, (i) => `"key${i}": 1`)} }`, /^: has 5001 keys, more than 1000/],
    ['200 000 sources', `{ "kind": "pretrain", "data": { "train": [${list(2e5, () => '1')}] } }`, /^data\.train: has 200000 items, .*datalist/],
    ['many lists of many', `{ "kind": "pretrain", "data": [${list(100, () => `[${list(900, () => '1')}]`)}] }`, /more than 20000 entries/],
    ['five million characters', `{ "kind": "pretrain", "name": "${'x'.repeat(5e6)}" }`, /characters are too many/],
  ])('%s', (_what, text, expected) => {
    const found = messages(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
    expect(found[0]).not.toContain('\n');
  }); // prettier-ignore

  test('900 unknown keys are each told, and few are given a fix', () => {
    const found = diagnose(`{ "kind": "pretrain", "data": { "train": [] }, ${list(900, (i) => `"key${i}": 1`)} }`, 'a');
    expect(found.filter(({ message }) => message.startsWith('unknown key'))).toHaveLength(900);
  });

  test('900 sources are no problem', () => {
    expect(messages(`{ "kind": "pretrain", "data": { "train": [${list(900, () => source)}] } }`)).toEqual([]);
  });

  test('a number beyond all, in a text that is short', () => {
    const text = `{ "kind": "pretrain", "data": { "train": [${source}] }, "optimizer": { "lr": 1e999 } }`;
    expect(messages(text)).toEqual([
      expect.stringMatching(/^optimizer\.lr: must be a number, is beyond all finite numbers/),
    ]);
    expect(messages(text.replace('1e999', '-1e999'))).toEqual([expect.stringMatching(/^optimizer\.lr: /)]);
  });

  test('a prototype is a key like any other', () => {
    const text = `{ "kind": "pretrain", "data": { "train": [${source}] }, "__proto__": { "kind": "finetune" } }`;
    expect(messages(text)).toEqual([expect.stringMatching(/__proto__: unknown key/)]);
    expect(({} as Record<string, unknown>).kind).toBeUndefined();
  });
});

test('the JSON editor tells of syntax errors by itself', () => {
  const text = '{ "kind": "pretrain", "data": { "train": [ } , "nonsense": 1 }';
  expect(diagnoseInEditor(text, 'a', true).some(({ path }) => path === '')).toBe(true);
  expect(diagnoseInEditor(text, 'a', false).some(({ path }) => path === '')).toBe(false);
  expect(diagnoseInEditor('['.repeat(1e5), 'a', false)).toHaveLength(1);
});

test('the kind of a text of any depth', () => {
  expect(kindOfText(`{ "kind": "finetune", "a": ${'['.repeat(1e5)}`)).toBe('pretrain');
  expect(kindOfText('{ "task": { "kind": "pretrain" }, "kind": "finetune" }')).toBe('finetune');
});

test('line and column', () => {
  const text = 'ab\ncd\r\nef\rgh';
  expect([0, 2, 3, 7, 8, 10, text.length].map((at) => lineAndColumn(text, at))).toEqual([
    { line: 1, column: 1 },
    { line: 1, column: 3 },
    { line: 2, column: 1 },
    { line: 3, column: 1 },
    { line: 3, column: 2 },
    { line: 4, column: 1 },
    { line: 4, column: 3 },
  ]);
});

test('a file is refused in as many lines as it has problems', async () => {
  const file = join(temporaryFolder(), 'a.voco.json');
  writeFileSync(file, '['.repeat(1e5));
  const error: unknown = await loadConfig(file).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toBe(`${file}:1:1: lists and objects are nested more than 100 deep`);
});
