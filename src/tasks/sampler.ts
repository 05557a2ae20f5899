import type { CaseDemands } from '../data/judge';

/** What every batch has. The rest is agreed between a task's sampler and its loss. */
export interface Batch {
  /** Image file of each volume. */
  readonly cases: readonly string[];
}

/** One volume of a batch: which case, and the path of its random streams. Plain data: it is sent to loader threads. */
export type Draw<Item> = Item & {
  readonly stream: readonly number[];
  /** False for held-out cases, which are not augmented. */
  readonly augment: boolean;
};

/** Makes the batches of one run. */
export interface BatchMaker<Item, B extends Batch> {
  /**
   * A batch is a function of its draws and the settings alone: no generator is shared, so that neither threads nor a resume
   * change it.
   *
   * @param reuse memory of an earlier batch to fill again (see {@link Sampler.memory}); ignored where sizes differ
   * @throws UserError naming the file at fault
   */
  make(draws: readonly Draw<Item>[], reuse?: readonly ArrayBuffer[]): Promise<B>;
}

/** Makes the batches of a task from volumes. It is pure and seeded and needs no tensor library, so it runs in a loader thread. */
export interface Sampler<Settings = unknown, Item = unknown, B extends Batch = Batch> {
  /** @param settings plain data */
  open(settings: Settings, onWarning: (message: string) => void): BatchMaker<Item, B>;
  /** Buffers of a batch that change owner when it crosses threads. */
  transferables(batch: B): ArrayBuffer[];
  /** Those of them that are large enough to be worth filling again. */
  memory(batch: B): ArrayBuffer[];
}

/** A sampler's settings for a loader, which divides the memory for volumes among its threads and says what cases must be like. */
export interface StoreMemory {
  readonly store: { readonly memoryBytes: number; readonly demands?: CaseDemands };
}
