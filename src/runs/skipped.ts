import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { runFiles } from './files';

/** A case that a run leaves out. */
export interface SkippedCase {
  readonly id: string;
  /** Its first image file. */
  readonly image: string;
  readonly part: 'train' | 'validation';
  /** What is wrong with it. */
  readonly reason: string;
}

/** The cases that a run has left out so far; none where it has written no list. @throws UserError when the list is malformed */
export async function readSkipped(runDir: string): Promise<readonly SkippedCase[]> {
  const file = runFiles(runDir).skipped;
  let text: string;
  try {
    text = await readPlainText(file);
  } catch {
    return [];
  }
  try {
    const { cases } = parseJson(text) as { cases: SkippedCase[] };
    if (cases.every(({ id, image, reason }) => [id, image, reason].every((one) => typeof one === 'string')))
      return cases;
    throw new TypeError('not a list of cases');
  } catch {
    throw new UserError(
      `${file}: not a list of cases that were left out: restore it, or remove it and resume, which judges all cases anew`,
    );
  }
}

/** Writes the list of cases that a run leaves out. */
export async function writeSkipped(runDir: string, cases: readonly SkippedCase[]): Promise<void> {
  await writeFileAtomically(runFiles(runDir).skipped, `${JSON.stringify({ cases }, null, 2)}\n`);
}
