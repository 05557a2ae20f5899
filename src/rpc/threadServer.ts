import { parentPort, type TransferListItem } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import type { ThreadAnswer, ThreadCall } from '../protocol/thread';

/** What a thread does for the calls that come to it (see ThreadClient). */
export type ServedMethods = Record<string, (...params: never[]) => unknown>;

/**
 * Answers the calls of the thread that started this one, each once. Does nothing outside a worker thread.
 *
 * @param buffersIn buffers of an answer that are moved and not copied
 */
export function serveThread(
  methods: ServedMethods,
  buffersIn: (value: unknown) => TransferListItem[] = () => [],
): void {
  const port = parentPort;
  if (!port) return;
  const answer = (message: ThreadAnswer, move: TransferListItem[] = []): void => port.postMessage(message, move);
  port.on('message', ({ id, method, params }: ThreadCall) => {
    Promise.resolve()
      .then(() => methods[method]!(...(params as never[])))
      .then(
        (value) => answer({ id, ok: true, value }, buffersIn(value)),
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          answer({ id, ok: false, error: { message, user: error instanceof UserError } });
        },
      );
  });
}
