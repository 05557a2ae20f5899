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

/** What the groups of a pattern match in a fixture's description. */
export function partsOf(pattern: RegExp, description: string): string[] {
  const found = pattern.exec(description);
  if (!found) throw new Error(`no ${pattern} in "${description}"`);
  return found.slice(1);
}

/** The name that a fixture's description gives to what a function of the formula draws: of `image('sw.vol', shape)`, `sw.vol`. */
export function nameDrawn(by: 'uniform' | 'image' | 'randint', description: string): string {
  return partsOf(new RegExp(`\\b${by}\\('([^']+)'`), description)[0]!;
}

/** The numbers of the first bracket after a name in a fixture's description: of `uniform('opt.p', [2, 8])`, 2 and 8. */
export function numbersAfter(name: string, description: string): number[] {
  const rest = description.slice(description.indexOf(`'${name}'`) + name.length + 2);
  return partsOf(/[([]([\d\s,]+)[)\]]/, rest)[0]!
    .split(',')
    .map(Number);
}

/** The last number of a call of the formula: the number of values of `randint('tf.seg', same shape, 5)`. */
export function lastNumberOf(by: 'randint', description: string): number {
  return Number(partsOf(new RegExp(`\\b${by}\\([^)]*(?:\\([^)]*\\)[^)]*)*,\\s*(\\d+)\\)`), description)[0]);
}

/** The numbers that a fixture's description gives by name, as in `f(roi=96, base_roi=96)`. */
export function argumentsIn(description: string): Record<string, number> {
  return Object.fromEntries([...description.matchAll(/(\w+)=(\d+)/g)].map(([, name, value]) => [name!, Number(value)]));
}

/** The contents of a file of fixtures that another file's tests can do without. */
export function fixtureIfThere<T>(file: string): T | undefined {
  const path = join(folder, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}
