import { readRegular } from '../../files/regular';
import { fileError } from '../../errors/userError';
import { readRunState } from '../../runs/runDirectory';
import { runFiles } from '../../runs/files';

/** The table that an evaluation or a study wrote beside its results. */
export async function readResultsTable(run: string): Promise<Uint8Array> {
  const { kind } = await readRunState(run);
  const file = kind === 'study' ? runFiles(run).studyTable : runFiles(run).resultsTable;
  return readRegular(file).catch((error: unknown) => {
    throw fileError(error, file, 'read the table');
  });
}
