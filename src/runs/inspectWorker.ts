// The thread that reads checkpoint files for their editor (src/extension/checkpoint starts it).
import { describeCheckpoint, tensorStatistics } from './inspect';
import { serveThread } from '../rpc/threadServer';

export type CheckpointThread = {
  describe: typeof describeCheckpoint;
  statistics: typeof tensorStatistics;
};

serveThread({ describe: describeCheckpoint, statistics: tensorStatistics } satisfies CheckpointThread);
