// The thread that reads checkpoint files for their editor (checkpointEditor.ts starts it).
import { describeCheckpoint, tensorStatistics } from '../../../runs/inspect';
import { serveThread } from '../../threadServer';

export type CheckpointThread = {
  describe: typeof describeCheckpoint;
  statistics: typeof tensorStatistics;
};

serveThread({ describe: describeCheckpoint, statistics: tensorStatistics } satisfies CheckpointThread);
