import { spread, type CallsOf } from '../../rpc';
import { serveThread } from '../../rpc/threads';
import { SeriesStore } from './seriesStore';

/** Thread that reads and thins metrics, so that a quarter of a million lines never hold up the extension host. */
const store = new SeriesStore();
const methods = { describe: store.describe.bind(store), query: store.query.bind(store) };

export type SeriesCalls = CallsOf<typeof methods>;

serveThread<SeriesCalls>(spread(methods));
