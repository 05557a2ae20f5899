import { UserError } from '../../errors/userError';
import type { CaseProblem } from './found';

/** An error about a case as a problem of it: the message begins with the file. */
export function problemOf({ message }: UserError, file: string): CaseProblem {
  const [, named, text] = /^(.*?): (.*)$/s.exec(message) ?? [];
  return named === undefined ? { file, message } : { file: named, message: text! };
}

/**
 * A case for each entry of a list, in their order. One that names no image is a case with a problem, which the place of the entry
 * stands for.
 *
 * @param where the place of an entry, `list.csv:5`
 * @throws UserError of the first entry when none names an image: the list is wrong then
 */
export function casesOfEntries<Entry, Item extends { readonly image: string | readonly string[] }>(
  entries: readonly Entry[],
  where: (entry: Entry) => string,
  caseOf: (entry: Entry) => Item,
  bare: (image: string, problem: CaseProblem) => Item,
): Item[] {
  const errors: UserError[] = [];
  const cases = entries.map((entry) => {
    try {
      return caseOf(entry);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
      return bare(where(entry), { ...problemOf(error, where(entry)), noImage: true });
    }
  });
  if (errors.length > 0 && errors.length === entries.length) throw errors[0]!;
  return cases;
}

/**
 * Gives each of some cases what belongs to it. A case that it cannot be given to has a problem; when none can have it, the source
 * is wrong rather than a case.
 *
 * @param fileOf the file that a case is known by
 * @throws UserError of the first case when no case can be completed
 */
export async function completeCases<Item extends { readonly problem?: CaseProblem }>(
  cases: readonly Item[],
  fileOf: (item: Item) => string,
  complete: (item: Item, index: number) => Promise<Item>,
): Promise<Item[]> {
  const errors: UserError[] = [];
  const result: Item[] = [];
  for (const [i, item] of cases.entries()) {
    if (item.problem) {
      result.push(item);
      continue;
    }
    try {
      result.push(await complete(item, i));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
      result.push({ ...item, problem: problemOf(error, fileOf(item)) });
    }
  }
  const tried = cases.filter(({ problem }) => !problem).length;
  if (errors.length > 0 && errors.length === tried) throw errors[0]!;
  return result;
}
