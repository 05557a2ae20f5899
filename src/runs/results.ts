import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { fileError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import type { Results } from '../protocol/scores';
import { runFiles } from './files';

export type * from '../protocol/scores';

export async function writeResults(runDir: string, results: Results): Promise<void> {
  await writeFileAtomically(runFiles(runDir).results, `${JSON.stringify(results, null, 2)}\n`);
}

/** @throws UserError when results.json is missing or malformed. */
export async function readResults(runDir: string): Promise<Results> {
  const file = runFiles(runDir).results;
  try {
    const value = parseJson(await readPlainText(file)) as Results | null;
    if (value?.format === 1 && Array.isArray(value.cases)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(error, file, 'read the results');
  }
  throw new UserError(`${file}: not results that this version can read`);
}
