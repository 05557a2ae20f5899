import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../../errors/userError';
import { readRunState } from '../../runs/runDirectory';
import { studyFiles } from '../../runs/study';

/** The table that an evaluation or a study wrote beside its results. */
export async function readResultsTable(run: string): Promise<Uint8Array> {
  const { kind } = await readRunState(run);
  const file = kind === 'study' ? studyFiles(run).csv : join(run, 'results.csv');
  return readFile(file).catch((error: unknown) => {
    throw fileError(error, file, 'read the table');
  });
}
