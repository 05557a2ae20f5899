import { OnDemand } from '../../rpc';
import { startThread } from '../../rpc/threads';
import type { SeriesCalls } from './worker';

/** The thread that keeps the series. The first call starts it; after it has ended, the next call starts it again. */
export type SeriesThread = OnDemand<SeriesCalls>;

/** @param script the bundled `series-worker.cjs` */
export function seriesThread(script: string): SeriesThread {
  return new OnDemand(() => startThread({ script, name: 'VoCo metrics' }));
}
