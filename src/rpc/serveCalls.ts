import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { UserError } from '../errors/userError';
import type { InspectReply } from '../protocol/locate';
import type { ThreadError } from '../protocol/thread';

/** Progress is told at most so often. */
const PROGRESS_MS = 100;

/** How a call is watched: cancelled from outside, and told about. */
export interface Watched {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** What a line asks for, by its first parameter. */
export type ServedMethod = (request: never, options: Watched) => Promise<unknown>;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function describeError(error: unknown): ThreadError {
  return { message: error instanceof Error ? error.message : String(error), user: error instanceof UserError };
}

class CallServer {
  private readonly running = new Map<number, AbortController>();
  private readonly answers = new Set<Promise<void>>();

  constructor(
    private readonly methods: Readonly<Record<string, ServedMethod>>,
    private readonly send: (reply: InspectReply | { readonly id: null; ok: false; error: ThreadError }) => void,
  ) {}

  receive(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return this.refuse(null, `not a line of JSON: ${line.slice(0, 80)}`);
    }
    if (isRecord(message) && typeof message.cancel === 'number') return this.running.get(message.cancel)?.abort();
    const { id, method, params } = isRecord(message) ? message : {};
    if (typeof id !== 'number') return this.refuse(null, 'a call needs a number as its id');
    if (typeof method !== 'string' || !Object.hasOwn(this.methods, method))
      return this.refuse(id, `no method ${JSON.stringify(method)}; there are ${Object.keys(this.methods).join(', ')}`);
    const request: unknown = Array.isArray(params) ? params[0] : undefined;
    if (!isRecord(request)) return this.refuse(id, `${method} needs an object as its first parameter`);
    if (this.running.has(id)) return this.refuse(null, `a call with the id ${id} is still being answered`);
    const answer = this.answer(id, method, request).finally(() => this.answers.delete(answer));
    this.answers.add(answer);
  }

  /** Drops everything that is still being answered, and waits until it has stopped. */
  async close(): Promise<void> {
    for (const controller of this.running.values()) controller.abort();
    await Promise.all(this.answers);
  }

  private refuse(id: number | null, message: string): void {
    const error = { message, user: false };
    if (id === null) this.send({ id, ok: false, error });
    else this.send({ id, ok: false, error });
  }

  private async answer(id: number, method: string, request: Record<string, unknown>): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    let last = -Infinity;
    const onProgress = (done: number, total: number): void => {
      const now = performance.now();
      if (done < total && now - last < PROGRESS_MS) return;
      last = now;
      this.send({ id, progress: { done, total } });
    };
    try {
      const value = await this.methods[method]!(request as never, { signal: controller.signal, onProgress });
      this.send({ id, ok: true, value });
    } catch (error) {
      this.send({ id, ok: false, error: describeError(error) });
    } finally {
      this.running.delete(id);
    }
  }
}

/**
 * Answers calls of another program by lines of JSON (`InspectMessage`, `InspectReply`) until `input` ends; what is then still being
 * answered is dropped. Calls run side by side, taking turns where a method lets others in. A line that is no call is answered
 * with an error, under the id null where it has none.
 */
export async function serveCalls(
  methods: Readonly<Record<string, ServedMethod>>,
  input: Readable,
  output: Writable,
): Promise<void> {
  const server = new CallServer(methods, (reply) => output.write(`${JSON.stringify(reply)}\n`));
  for await (const line of createInterface({ input })) server.receive(line);
  await server.close();
}
