import { parentPort, Worker } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import { connect, type Client } from './client';
import type { Calls, Events, Methods } from './contract';
import { serve, type ServeOptions, type Server } from './server';
import { ClosedError, type Transport } from './transport';

export interface ThreadOptions {
  /** The bundle to run. */
  readonly script: string;
  readonly data?: unknown;
  /** Shown by debuggers. */
  readonly name: string;
  /** The message to the user when the thread runs out of memory. */
  readonly tooLarge?: string;
  /** Whether the process stays for as long as the thread does; by default it does not. */
  readonly keepsProcess?: boolean;
}

/** Starts a worker thread; the transport closes when it ends. */
export function startThread(options: ThreadOptions): Transport {
  const { script, data, name, tooLarge, keepsProcess = false } = options;
  // execArgv: flags of this process are not for the thread.
  const worker = new Worker(script, { workerData: data, name, execArgv: [] });
  if (!keepsProcess) worker.unref();
  let ended: Error | undefined;
  let tell: ((reason: Error) => void) | undefined;
  const end = (reason: Error): void => {
    if (ended) return;
    ended = reason;
    tell?.(reason);
  };
  worker.on('error', (error) => end(causeOf(error as Error, tooLarge)));
  worker.on('messageerror', (error) => end(error));
  worker.on('exit', (code) => end(new ClosedError(`${name}: the worker thread ended unexpectedly (code ${code})`)));
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (listener) => void worker.on('message', listener),
    onClose(listener) {
      tell = listener;
      if (ended) listener(ended);
    },
    async close() {
      end(new ClosedError(`${name}: the thread was closed`));
      await worker.terminate();
    },
  };
}

function causeOf(error: Error, tooLarge: string | undefined): Error {
  const outOfMemory =
    (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' || error instanceof RangeError;
  return outOfMemory && tooLarge !== undefined ? new UserError(tooLarge, undefined, { cause: error }) : error;
}

/** A client of a thread that is started for it. */
export function connectThread<C extends Calls<C>, E extends Events = Events>(options: ThreadOptions): Client<C, E> {
  return connect<C, E>(startThread(options));
}

/** Answers the thread that started this one; undefined outside a worker thread. */
export function serveThread<C extends Calls<C>, E extends Events = Events>(
  methods: Methods<C>,
  options: ServeOptions = {},
): Server<E> | undefined {
  const port = parentPort;
  if (!port) return undefined;
  const transport: Transport = {
    send: (message, transfer = []) => port.postMessage(message, transfer),
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', () => listener(new ClosedError('the other thread has gone'))),
    close: () => port.close(),
  };
  return serve<C, E>(methods, transport, options);
}
