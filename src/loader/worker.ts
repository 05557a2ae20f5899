/** Entry of a loader thread (dist/data-worker.cjs): makes batches on request, one after the other. */
import { workerData } from 'node:worker_threads';
import { samplerOf } from '../catalog';
import { serveThread } from '../rpc/threads';
import type { Batch } from '../tasks';
import type { LoaderCalls, LoaderEvents, WorkerStart } from './messages';

const { task, settings } = workerData as WorkerStart;
let buffersIn: (batch: Batch) => readonly ArrayBuffer[] = () => [];

const opened = samplerOf(task).then((sampler) => {
  buffersIn = (batch) => sampler.transferables(batch);
  return sampler.open(settings as never, (message) => server?.send('warning', message));
});
// Told with the first batch that is asked for.
opened.catch(() => undefined);

const server = serveThread<LoaderCalls, LoaderEvents>(
  { make: async ({ draws, reuse }) => (await opened).make(draws as never, reuse) },
  { atOnce: 1, buffersIn: (batch) => buffersIn(batch as Batch) },
);
if (!server) throw new Error('data-worker is started by the loader, not by hand');
