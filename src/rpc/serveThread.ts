import { parentPort } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import type { ThreadAnswer, ThreadCall } from '../protocol/thread';

/** Answers the calls that another thread sends to this one, each with a result or an error. */
export function serveThread(methods: Readonly<Record<string, (...params: never[]) => unknown>>): void {
  const port = parentPort;
  if (!port) throw new Error('this file is started as a thread, not by hand');
  const answer = (message: ThreadAnswer): void => port.postMessage(message);
  port.on('message', ({ id, method, params }: ThreadCall) => {
    Promise.resolve()
      .then(() => methods[method]!(...(params as never[])))
      .then(
        (value) => answer({ id, ok: true, value }),
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          answer({ id, ok: false, error: { message, user: error instanceof UserError } });
        },
      );
  });
}
