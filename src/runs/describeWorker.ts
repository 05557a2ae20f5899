// The thread that reads checkpoint files for their editor (src/extension/checkpoint starts it).
import { spread, type CallsOf } from '../rpc';
import { serveThread } from '../rpc/threads';
import { describeCheckpoint, tensorStatistics } from './describeCheckpoint';

const methods = { describe: describeCheckpoint, statistics: tensorStatistics };

export type CheckpointCalls = CallsOf<typeof methods>;

serveThread<CheckpointCalls>(spread(methods));
