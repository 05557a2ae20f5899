import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { fileError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import type { RunNotes } from '../protocol/runs';
import { runFiles } from './files';

const NONE: RunNotes = { starred: false, tags: [], note: '' };

/** Tags as they are kept: trimmed, each once, in the order given. */
export function normalizeTags(tags: readonly string[]): string[] {
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))];
}

/**
 * What people have written about a run: star, tags and a note. A run without the file has none.
 *
 * @throws UserError when the file is damaged, so that nothing written by hand is overwritten.
 */
export async function readNotes(runDir: string): Promise<RunNotes> {
  const file = runFiles(runDir).notes;
  let value: Partial<RunNotes> | null;
  try {
    value = parseJson(await readPlainText(file)) as Partial<RunNotes> | null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
    if (error instanceof SyntaxError) throw new UserError(`${file}: not JSON, so the notes on this run cannot be read`);
    throw fileError(error, file, 'read the notes');
  }
  const { starred, tags, note } = value ?? {};
  return {
    starred: starred === true,
    tags: Array.isArray(tags) ? normalizeTags(tags.map(String)) : [],
    note: typeof note === 'string' ? note : '',
  };
}

/** Changes a part of the notes on a run. @returns the notes as they are now. @throws UserError when they cannot be written. */
export async function changeNotes(runDir: string, change: Partial<RunNotes>): Promise<RunNotes> {
  const before = await readNotes(runDir);
  const after = { ...before, ...change, tags: normalizeTags(change.tags ?? before.tags) };
  await writeFileAtomically(runFiles(runDir).notes, `${JSON.stringify({ format: 1, ...after }, null, 2)}\n`);
  return after;
}
