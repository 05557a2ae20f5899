import { imageFiles, type Case } from '../data/datalist';
import { BadCaseError, UserError } from '../errors/userError';
import type { Batch, Sampler, StoreMemory } from '../tasks';
import { inProcessMaker, workerBundle, workerMaker, type Maker } from './makers';
import { SamplePlan } from './plan';
import type { TaskName } from '../catalog';

export interface LoaderOptions<Settings extends StoreMemory, Item extends Pick<Case, 'image'>, B extends Batch> {
  /** Whose sampler a loader thread asks for. */
  readonly task: TaskName;
  /** The sampler of that task, for batches made in this thread. */
  readonly sampler: Sampler<Settings, Item, B>;
  readonly settings: Settings;
  readonly cases: readonly Item[];
  readonly seed: number;
  /** Volumes a step. */
  readonly batch: number;
  /** Threads that make batches; 0: this one does. */
  readonly workers: number;
  /** Batches made ahead, with workers. */
  readonly prefetch: number;
  /** Without workers: the next batch is begun when one is given, so that files are read while a step waits. */
  readonly early?: boolean;
  /** Step of the first batch, for a run that goes on. */
  readonly startStep?: number;
  /** Bundle of the worker; by default dist/data-worker.cjs of this package. */
  readonly workerFile?: string;
  readonly onWarning?: (message: string) => void;
  /** First image files of cases that are left out. */
  readonly leftOut?: Iterable<string>;
  /** Told of a case that turned out to be bad, which another one then takes the place of; absent: its error is thrown. */
  readonly onSkip?: (item: Item, error: BadCaseError) => void;
}

/** A batch, and when its turn comes. */
export type Loaded<B extends Batch> = B & { readonly step: number; readonly epoch: number };

export interface Loader<Item, B extends Batch> {
  /** The batch of the next step. @throws UserError naming the file at fault, at the step that needs it */
  next(): Promise<Loaded<B>>;
  /** Gives the memory of a batch back to be filled again; its arrays must not be used afterwards. */
  release(batch: B): void;
  /** One held-out case without augmentation: a function of the seed, the case's id and `draw`. */
  validationBatch(item: Item, draw: number): Promise<B>;
  /** Ends the threads; pending batches are dropped. */
  close(): Promise<void>;
}

/** Memory of released batches kept for later ones. */
const MAX_SPARE = 4;

function makersFor<Settings extends StoreMemory, Item extends Pick<Case, 'image'>, B extends Batch>(
  options: LoaderOptions<Settings, Item, B>,
): Maker<Item, B>[] {
  const { sampler, task, workers } = options;
  const onWarning = options.onWarning ?? (() => undefined);
  if (workers === 0) return [inProcessMaker(sampler, options.settings, onWarning)];
  const file = options.workerFile ?? workerBundle();
  const { store } = options.settings;
  const settings = { ...options.settings, store: { ...store, memoryBytes: store.memoryBytes / workers } };
  return Array.from({ length: workers }, () => workerMaker<Item, B>(file, { task, settings }, onWarning));
}

/**
 * Delivers the batches of a run in order. Each is a function of the seed and its step: neither the number of workers, nor the
 * prefetch, nor the step at which the loader was started changes it, nor when a bad case turns out to be one.
 *
 * @throws UserError when there are no cases
 */
export function createLoader<Settings extends StoreMemory, Item extends Pick<Case, 'id' | 'image'>, B extends Batch>(
  options: LoaderOptions<Settings, Item, B>,
): Loader<Item, B> {
  if (options.cases.length === 0) throw new UserError('data.train: no cases to train on');
  const { sampler, workers, prefetch, early = false } = options;
  const plan = new SamplePlan(options.cases, options.seed, options.batch, options.leftOut);
  const makers = makersFor(options);
  const ahead = workers === 0 ? 1 : Math.max(1, prefetch, workers);
  const pending: Promise<Loaded<B>>[] = [];
  const spare: ArrayBuffer[][] = [];
  let nextStep = options.startStep ?? 0;

  async function make(step: number): Promise<Loaded<B>> {
    const maker = makers[step % makers.length]!;
    for (;;) {
      const draws = plan.draws(step);
      try {
        return { ...(await maker.make(draws, spare.pop())), step, epoch: plan.epoch(step) };
      } catch (error) {
        const bad = error instanceof BadCaseError && draws.find((draw) => imageFiles(draw)[0] === error.image);
        if (!bad || !options.onSkip) throw error;
        plan.leaveOut(error.image, error.message);
        options.onSkip(bad, error);
      }
    }
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
    next: async () => {
      fill();
      const batch = pending.shift()!;
      if (workers > 0) fill();
      else if (early) batch.then(fill, () => undefined);
      return batch;
    },
    release: (batch) => {
      if (spare.length < MAX_SPARE) spare.push(sampler.memory(batch));
    },
    validationBatch: (item, draw) => makers[draw % makers.length]!.make([plan.validationDraw(item, draw)]),
    close: async () => {
      await Promise.all(makers.map((maker) => maker.close()));
    },
  };
}
