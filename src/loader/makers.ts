import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import type { Batch, BatchMaker, Draw, Sampler } from '../tasks';
import { receiveError, type BatchRequest, type WorkerReply, type WorkerStart } from './messages';

/** Makes batches, in this thread or in a worker, until it is closed. */
export interface Maker<Item, B extends Batch> extends BatchMaker<Item, B> {
  close(): Promise<void>;
}

/** Makes batches in this thread. */
export function inProcessMaker<Settings, Item, B extends Batch>(
  sampler: Sampler<Settings, Item, B>,
  settings: Settings,
  onWarning: (message: string) => void,
): Maker<Item, B> {
  const maker = sampler.open(settings, onWarning);
  return { make: (draws, reuse) => maker.make(draws, reuse), close: () => Promise.resolve() };
}

/** dist/data-worker.cjs of this package, seen from a bundle in dist/ or from a source file. */
export function workerBundle(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const file = join(folder, 'dist', 'data-worker.cjs');
  if (!existsSync(file))
    throw new UserError(`${file}: the loader's worker is not built; run "npm run build", or set data.workers to 0`);
  return file;
}

interface Waiting {
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

/** Makes batches in a thread of its own. */
export function workerMaker<Item, B extends Batch>(
  file: string,
  start: WorkerStart,
  onWarning: (message: string) => void,
): Maker<Item, B> {
  const worker = new Worker(file, { workerData: start, execArgv: [] });
  const waiting = new Map<number, Waiting>();
  let broken: Error | undefined;
  let next = 0;
  const fail = (error: Error) => {
    broken ??= error;
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  worker.on('message', (reply: WorkerReply) => {
    if (reply.kind === 'warning') return onWarning(reply.message);
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === 'batch') one?.resolve(reply.batch);
    else one?.reject(receiveError(reply.error));
  });
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => fail(new Error(`the loader's worker thread ended unexpectedly (code ${code})`)));
  return {
    make: (draws: readonly Draw<Item>[], reuse) =>
      new Promise<B>((resolve, reject) => {
        if (broken) return reject(broken);
        const id = next++;
        waiting.set(id, { resolve: (batch) => resolve(batch as B), reject });
        const request: BatchRequest = { id, draws, reuse };
        worker.postMessage(request, reuse ? [...reuse] : []);
      }),
    close: async () => {
      fail(new Error('the loader is closed'));
      await worker.terminate();
    },
  };
}
