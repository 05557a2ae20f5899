import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors/userError';
import type { Batch, BatchMaker, Draw, Sampler } from '../tasks';
import { connectThread } from '../rpc/threads';
import type { LoaderCalls, LoaderEvents, WorkerStart } from './messages';

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

/** Makes batches in a thread of its own. */
export function workerMaker<Item, B extends Batch>(
  file: string,
  start: WorkerStart,
  onWarning: (message: string) => void,
): Maker<Item, B> {
  const thread = connectThread<LoaderCalls, LoaderEvents>({
    script: file,
    data: start,
    name: 'VoCo loader',
    keepsProcess: true,
  });
  thread.on('warning', onWarning);
  return {
    make: async (draws: readonly Draw<Item>[], reuse) =>
      (await thread.call('make', { draws, ...(reuse && { reuse }) }, { transfer: reuse })) as B,
    close: () => thread.close(),
  };
}
