import type { Case } from '../data/datalist';
import type { CropBatch } from '../data/types';
import { UserError } from '../errors/userError';
import type { BatchBuffers } from './assemble';
import { inProcessMaker, workerBundle, workerMaker, type BatchMaker } from './makers';
import { SamplePlan } from './plan';
import type { LoaderSettings } from './settings';

export interface CropLoaderOptions {
  readonly cases: readonly Pick<Case, 'image'>[];
  readonly settings: LoaderSettings;
  readonly seed: number;
  /** Volumes a step. */
  readonly batch: number;
  /** Threads that make batches; 0: this one does, when asked. */
  readonly workers: number;
  /** Batches made ahead, with workers. */
  readonly prefetch: number;
  /** Step of the first batch, for a run that goes on. */
  readonly startStep?: number;
  /** Bundle of the worker; by default dist/data-worker.cjs of this package. */
  readonly workerFile?: string;
  readonly onWarning?: (message: string) => void;
}

export type LoadedBatch = CropBatch & { readonly step: number; readonly epoch: number };

export interface CropLoader {
  /** The batch of the next step. @throws UserError naming the file at fault, at the step that needs it */
  next(): Promise<LoadedBatch>;
  /** Gives the memory of a batch back to be filled again; its arrays must not be used afterwards. */
  release(batch: CropBatch): void;
  /** One validation case without augmentation: a function of the seed, the case's id and `draw`. */
  validationBatch(item: Pick<Case, 'id' | 'image'>, draw: number): Promise<CropBatch>;
  /** Ends the threads; pending batches are dropped. */
  close(): Promise<void>;
}

/** Memory of released batches kept for later ones. */
const MAX_SPARE = 4;

function makersFor(options: CropLoaderOptions): BatchMaker[] {
  const onWarning = options.onWarning ?? (() => undefined);
  if (options.workers === 0) return [inProcessMaker(options.settings, onWarning)];
  const file = options.workerFile ?? workerBundle();
  const { store } = options.settings;
  const memoryBytes = store.memoryBytes / options.workers;
  const settings = { ...options.settings, store: { ...store, memoryBytes } };
  return Array.from({ length: options.workers }, () => workerMaker(file, settings, onWarning));
}

/**
 * Delivers the batches of a run in order. Each is a function of the seed and its step: neither the number of workers, nor the
 * prefetch, nor the step at which the loader was started changes it.
 *
 * @throws UserError when there are no cases
 */
export function createCropLoader(options: CropLoaderOptions): CropLoader {
  if (options.cases.length === 0) throw new UserError('data.train: no cases to train on');
  const plan = new SamplePlan(options.cases, options.seed, options.batch);
  const makers = makersFor(options);
  const ahead = options.workers === 0 ? 1 : Math.max(1, options.prefetch, options.workers);
  const pending: Promise<LoadedBatch>[] = [];
  const spare: BatchBuffers[] = [];
  let nextStep = options.startStep ?? 0;

  async function make(step: number): Promise<LoadedBatch> {
    const batch = await makers[step % makers.length]!.make(plan.draws(step), spare.pop());
    return { ...batch, step, epoch: plan.epoch(step) };
  }

  function fill(): void {
    while (pending.length < ahead) {
      const made = make(nextStep++);
      // The error surfaces when this batch's turn comes.
      made.catch(() => undefined);
      pending.push(made);
    }
  }

  return {
    next: () => {
      fill();
      const batch = pending.shift()!;
      if (options.workers > 0) fill();
      return batch;
    },
    release: (batch) => {
      if (spare.length >= MAX_SPARE) return;
      spare.push({ random: batch.random.buffer as ArrayBuffer, bases: batch.bases.buffer as ArrayBuffer });
    },
    validationBatch: (item, draw) => makers[draw % makers.length]!.make([plan.validationDraw(item, draw)]),
    close: async () => {
      await Promise.all(makers.map((maker) => maker.close()));
    },
  };
}
