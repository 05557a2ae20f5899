import { Worker } from 'node:worker_threads';
import { UserError } from '../../errors/userError';
import type { RunContents } from './seriesStore';
import type { SeriesAnswer, SeriesRequest } from '../../protocol/curves';
import type { SeriesQuestion, SeriesReply } from './seriesProtocol';

type Question = SeriesQuestion extends infer Q ? (Q extends { id: number } ? Omit<Q, 'id'> : never) : never;

interface Waiting {
  resolve(value: RunContents | SeriesAnswer): void;
  reject(error: Error): void;
}

/** The thread that holds the series, started by the first question and again should it ever end. */
export class SeriesThread {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(private readonly script: string) {}

  describe(run: string): Promise<RunContents> {
    return this.ask({ ask: 'describe', run }) as Promise<RunContents>;
  }

  query(request: SeriesRequest): Promise<SeriesAnswer> {
    return this.ask({ ask: 'query', request }) as Promise<SeriesAnswer>;
  }

  dispose(): void {
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private ask(question: Question): Promise<RunContents | SeriesAnswer> {
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.start().postMessage({ ...question, id });
    });
  }

  private start(): Worker {
    if (this.worker) return this.worker;
    // execArgv: flags of the extension host are not for this thread.
    const worker = new Worker(this.script, { execArgv: [] });
    this.worker = worker;
    worker.unref();
    worker.on('message', (reply: SeriesReply) => {
      const waiting = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(new UserError(reply.message));
    });
    const fail = (error: Error): void => {
      if (this.worker === worker) this.worker = undefined;
      for (const waiting of this.waiting.values()) waiting.reject(error);
      this.waiting.clear();
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('the thread that reads metrics has ended')));
    return worker;
  }
}
