// The thread that reads the files of all runs for the table (runsTablePanel.ts starts it).
import { RunFactsStore } from '../../../jobs/table/runFacts';
import { tablePart } from '../../../jobs/table/tablePart';
import type { RunSummary } from '../../../jobs/runSummary';
import type { TablePart } from '../../../protocol/runsTable';
import { serveThread } from '../../threadServer';

const store = new RunFactsStore();

export type TableThread = { part(runs: readonly RunSummary[]): Promise<TablePart> };

async function part(runs: readonly RunSummary[]): Promise<TablePart> {
  return tablePart(runs, await store.read(runs.map(({ dir }) => dir)));
}

serveThread({ part });
