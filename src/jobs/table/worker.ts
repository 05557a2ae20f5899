// The thread that reads the files of all runs for the table (src/extension/runs starts it).
import { RunFactsStore } from './runFacts';
import { tablePart } from './tablePart';
import type { RunSummary } from '../runSummary';
import type { TablePart } from '../../protocol/runs';
import { serveThread } from '../../rpc/threads';

const store = new RunFactsStore();

/** What is asked of this thread. */
export interface TableCalls {
  readonly part: { readonly params: readonly RunSummary[]; readonly result: TablePart };
}

serveThread<TableCalls>({
  part: async (runs) => tablePart(runs, await store.read(runs.map(({ dir }) => dir))),
});
