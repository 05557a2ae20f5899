// The thread that lists data sets for the editor (src/extension/datasets/datasetThread.ts starts it).
import { spread, type CallsOf } from '../../rpc';
import { serveThread } from '../../rpc/threads';
import { listCases } from './listing';
import { lookAtData } from './look';
import { dataOffers } from './offers';

const methods = { list: listCases, look: lookAtData, offers: dataOffers };

serveThread<CallsOf<typeof methods>>(spread(methods));
