import { Worker } from 'node:worker_threads';
import { UserError } from '../../../errors/userError';
import {
  fromServiceError,
  type ServiceAnswer,
  type ServiceMethod,
  type ServiceParams,
  type ServiceResult,
} from './rpc';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A volume in a thread of its own. Calls made after the thread has ended are rejected. */
export class VolumeClient {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private ended?: Error;

  /** @param script the bundled `volume-worker.cjs`. */
  constructor(
    script: string,
    readonly file: string,
  ) {
    this.worker = new Worker(script, { workerData: { file }, name: 'VoCo volume' });
    this.worker.unref();
    this.worker.on('message', (answer: ServiceAnswer) => this.settle(answer));
    this.worker.on('error', (error) => this.end(this.causeOf(error)));
    this.worker.on('exit', () => this.end(new Error('the volume was closed')));
  }

  call<M extends ServiceMethod>(method: M, ...params: ServiceParams<M>): Promise<ServiceResult<M>> {
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const id = (this.lastId += 1);
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage({ id, method, params });
    });
  }

  dispose(): void {
    this.end(new Error('the volume was closed'));
    void this.worker.terminate();
  }

  private settle(answer: ServiceAnswer): void {
    const call = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(fromServiceError(answer.error));
  }

  private causeOf(error: Error): Error {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ERR_WORKER_OUT_OF_MEMORY' && !(error instanceof RangeError)) return error;
    return new UserError(`${this.file}: too large for the memory of this machine: close other programs or resample it`);
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const call of this.waiting.values()) call.reject(this.ended);
    this.waiting.clear();
  }
}
