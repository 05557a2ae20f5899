import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { cacheKey, resultFile } from '../data/cache';
import { UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';

/** Changes whenever the numbers of a result do. */
const RESULT_VERSION = 1;

/**
 * A result by what it was made of: from the cache's folder, else made and put there. A cache that cannot be written costs the
 * time of the next call, not this one's result.
 *
 * @param files whose change makes it another result
 * @param settings everything else that shaped it
 * @param folder null: nothing is kept
 */
export async function cachedResult<T>(
  files: readonly string[],
  settings: unknown,
  folder: string | null,
  make: () => Promise<T>,
): Promise<T> {
  if (folder === null) return make();
  const file = resultFile(folder, await cacheKey(files, { version: RESULT_VERSION, settings }));
  try {
    return parseJson(await readPlainText(file)) as T;
  } catch {
    // Not there, or damaged: made anew.
  }
  const result = await make();
  await writeFileAtomically(file, JSON.stringify(result)).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
  });
  return result;
}
