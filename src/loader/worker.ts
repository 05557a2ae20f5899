/** Entry of a loader thread (dist/data-worker.cjs): makes batches on request, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { sendError, type BatchRequest, type WorkerReply, type WorkerStart } from './messages';
import { samplerOf } from '../catalog';

const port = parentPort;
if (!port) throw new Error('data-worker is started by the loader, not by hand');

const { task, settings } = workerData as WorkerStart;
const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const opened = samplerOf(task).then((sampler) => ({
  sampler,
  maker: sampler.open(settings as never, (message) => reply({ kind: 'warning', message })),
}));
// Told with the first batch that is asked for.
opened.catch(() => undefined);

async function answer({ id, draws, reuse }: BatchRequest): Promise<void> {
  try {
    const { sampler, maker } = await opened;
    const batch = await maker.make(draws as never, reuse);
    reply({ kind: 'batch', id, batch }, sampler.transferables(batch));
  } catch (error) {
    reply({ kind: 'error', id, error: sendError(error) });
  }
}

let queue = Promise.resolve();
port.on('message', (request: BatchRequest) => {
  queue = queue.then(() => answer(request));
});
