import type { TaskName } from '../catalog';
import type { Batch, Draw } from '../tasks';

/** What a loader thread is started with. */
export interface WorkerStart {
  readonly task: TaskName;
  /** Settings of the task's sampler. */
  readonly settings: unknown;
}

/** What the loader asks of a thread. */
export interface LoaderCalls {
  readonly make: {
    readonly params: { readonly draws: readonly Draw<unknown>[]; readonly reuse?: readonly ArrayBuffer[] };
    readonly result: Batch;
  };
}

/** What a thread tells unasked. */
export type LoaderEvents = Readonly<Record<'warning', string>>;
