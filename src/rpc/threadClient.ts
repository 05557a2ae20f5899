import { Worker } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import type { ThreadAnswer, ThreadCall } from '../protocol/thread';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What a thread answers: methods with their parameters and results. */
export type ThreadMethods = Record<string, (...params: never[]) => unknown>;

export interface ThreadOptions {
  /** The bundle to run. */
  readonly script: string;
  readonly data?: unknown;
  readonly name: string;
  /** What is said when the thread runs out of memory. */
  readonly tooLarge: string;
}

/** A worker thread that answers calls. Calls made after it has ended are rejected. */
export class ThreadClient<M extends ThreadMethods> {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private ended?: Error;

  constructor(private readonly options: ThreadOptions) {
    this.worker = new Worker(options.script, { workerData: options.data, name: options.name });
    this.worker.unref();
    this.worker.on('message', (answer: ThreadAnswer) => this.settle(answer));
    this.worker.on('error', (error) => this.end(this.causeOf(error as Error)));
    this.worker.on('exit', () => this.end(new Error('the thread was closed')));
  }

  call<N extends keyof M & string>(method: N, ...params: Parameters<M[N]>): Promise<Awaited<ReturnType<M[N]>>> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const id = (this.lastId += 1);
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage({ id, method, params } satisfies ThreadCall);
    });
  }

  dispose(): void {
    this.end(new Error('the thread was closed'));
    void this.worker.terminate();
  }

  private settle(answer: ThreadAnswer): void {
    const call = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(answer.error.user ? new UserError(answer.error.message) : new Error(answer.error.message));
  }

  private causeOf(error: Error): Error {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ERR_WORKER_OUT_OF_MEMORY' && !(error instanceof RangeError)) return error;
    return new UserError(this.options.tooLarge);
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const call of this.waiting.values()) call.reject(this.ended);
    this.waiting.clear();
  }
}
