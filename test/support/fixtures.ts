import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { needs } from './needs';

/** VOCO_FIXTURES names another folder of reference numbers, such as of another seed or configuration. */
const folder = process.env.VOCO_FIXTURES ?? join(import.meta.dirname, '../fixtures');

/**
 * Defines a group of tests on files of fixtures, whose fields are described in the fixtures' README. When the folder lacks one
 * of the files, the group is skipped by its name, with the reason.
 *
 * @param define gets the contents of the files in their order.
 */
export function withFixtures<T extends readonly unknown[]>(
  group: string,
  files: { readonly [K in keyof T]: string },
  define: (...contents: T) => void,
): void {
  const absent = files.filter((file) => !existsSync(join(folder, file)));
  if (absent.length > 0) {
    needs({ present: false, missing: `${folder} has no ${absent.join(' and no ')}` }).test(group, () => undefined);
    return;
  }
  const contents = files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown);
  describe(group, () => define(...(contents as unknown as T)));
}

/** The name that a fixture's description gives to what a function of the formula draws: of `image('sw.vol', shape)`, `sw.vol`. */
export function nameDrawn(by: 'uniform' | 'image' | 'randint', description: string): string {
  const found = new RegExp(`\\b${by}\\('([^']+)'`).exec(description)?.[1];
  if (found === undefined) throw new Error(`no ${by}('…') in "${description}"`);
  return found;
}

/** The numbers of the first bracket after a name in a fixture's description: of `uniform('opt.p', [2, 8])`, 2 and 8. */
export function numbersAfter(name: string, description: string): number[] {
  const rest = description.slice(description.indexOf(`'${name}'`) + name.length + 2);
  const found = /[([]([\d\s,]+)[)\]]/.exec(rest)?.[1];
  if (found === undefined) throw new Error(`no numbers after ${name} in "${description}"`);
  return found.split(',').map(Number);
}
