import { OnDemand } from '../../rpc';
import { startThread } from '../../rpc/threads';
import type { SeriesCalls } from './worker';

/** The thread that holds the series, started by the first question and again should it ever end. */
export type SeriesThread = OnDemand<SeriesCalls>;

/** @param script the bundled `series-worker.cjs` */
export function seriesThread(script: string): SeriesThread {
  return new OnDemand(() => startThread({ script, name: 'VoCo metrics' }));
}
