import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/benchmarks.md'), 'utf8');
const { PARTS, replacePart } = await import(join(root, 'bench/page.mjs'));
const names = Object.keys(PARTS);

test('each measured part has one place in docs/benchmarks.md, and each place a part', () => {
  const places = [...page.matchAll(/<!-- measured: (\S+) -->/g)].map(([, name]) => name);
  expect(places.sort()).toEqual([...names].sort());
});

test('a part is replaced and nothing else', () => {
  for (const name of names) {
    const text: string = replacePart(page, name, 'MEASURED');
    expect(text).toContain(`<!-- measured: ${name} -->\n\nMEASURED\n\n<!-- end -->`);
    const without = (from: string) =>
      from.replace(new RegExp(`(<!-- measured: ${name} -->)[^]*?(<!-- end -->)`), '$1$2');
    expect(without(text)).toBe(without(page));
  }
  expect(() => replacePart(page, 'nothing', '')).toThrow(/no place for nothing/);
});

test('the programs that it names are there', () => {
  for (const [command] of Object.values<string[]>(PARTS)) {
    const [program] = command!.split(' ');
    if (!program!.startsWith('dist/')) expect(existsSync(join(root, program!))).toBe(true);
  }
});
