// The thread that reads the files of all runs for the table (src/extension/runs starts it).
import { RunFactsStore } from './runFacts';
import { tablePart } from './tablePart';
import type { RunSummary } from '../runSummary';
import type { TablePart } from '../../protocol/runs';
import { serveThread } from '../../rpc/threadServer';

const store = new RunFactsStore();

export type TableThread = { part(runs: readonly RunSummary[]): Promise<TablePart> };

async function part(runs: readonly RunSummary[]): Promise<TablePart> {
  return tablePart(runs, await store.read(runs.map(({ dir }) => dir)));
}

serveThread({ part });
