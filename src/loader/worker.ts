/** Entry of a loader thread (dist/data-worker.cjs): makes batches on request, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { VolumeStore } from '../data/volumeStore';
import { assembleBatch } from './assemble';
import { sendError, transferables, type BatchRequest, type WorkerReply } from './messages';
import type { LoaderSettings } from './settings';

const port = parentPort;
if (!port) throw new Error('data-worker is started by the loader, not by hand');

const settings = workerData as LoaderSettings;
const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const store = new VolumeStore(settings.store, (message) => reply({ kind: 'warning', message }));

async function answer(request: BatchRequest): Promise<void> {
  try {
    const batch = await assembleBatch(request.draws, store, settings, request.reuse);
    reply({ kind: 'batch', id: request.id, batch }, transferables(batch));
  } catch (error) {
    reply({ kind: 'error', id: request.id, error: sendError(error) });
  }
}

let queue = Promise.resolve();
port.on('message', (request: BatchRequest) => {
  queue = queue.then(() => answer(request));
});
