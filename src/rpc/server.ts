import { UserError } from '../errors/userError';
import type { CallContext, Calls, Events, Methods } from './contract';
import { sendError } from './errors';
import { isRecord, type ToClient } from './messages';
import type { Transport } from './transport';

/** Shortest time between two reports of progress. */
const PROGRESS_MS = 100;

export interface ServeOptions {
  /** Calls that are answered side by side; the others wait in order. Without it all are. */
  readonly atOnce?: number;
  /** Buffers of an answer that change owner instead of being copied. */
  readonly buffersIn?: (value: unknown) => readonly ArrayBuffer[];
  /** Hears errors that are no UserError, for a log. */
  readonly onDefect?: (error: unknown) => void;
}

/** The side that answers. */
export interface Server<E extends Events> {
  /** Tells the other side something unasked. */
  send<N extends keyof E & string>(event: N, value: E[N]): void;
  /** Cancels what is being answered and waits until it has stopped. The transport stays open. */
  stop(): Promise<void>;
}

type AnyMethod = (params: unknown, context: CallContext) => unknown;

interface Call {
  readonly id: number;
  readonly method: AnyMethod;
  readonly params: unknown;
  readonly controller: AbortController;
}

class CallServer {
  private readonly calls = new Map<number, Call>();
  private readonly answers = new Set<Promise<void>>();
  private waiting: Call[] = [];
  private stopped = false;

  constructor(
    private readonly methods: Readonly<Record<string, AnyMethod>>,
    private readonly transport: Transport,
    private readonly options: ServeOptions,
  ) {
    transport.onMessage((message) => this.receive(message));
    transport.onClose(() => void this.stop());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting = [];
    for (const { controller } of this.calls.values()) controller.abort();
    await Promise.all(this.answers);
  }

  send(message: ToClient, transfer?: readonly ArrayBuffer[]): void {
    this.transport.send(message, transfer);
  }

  private receive(message: unknown): void {
    if (this.stopped) return;
    if (!isRecord(message)) return this.refuse(null, `not a call: ${String(JSON.stringify(message)).slice(0, 80)}`);
    if (typeof message.cancel === 'number') return this.cancel(message.cancel);
    const { id, method, params } = message;
    if (typeof id !== 'number') return this.refuse(null, 'a call needs a number as its id');
    if (typeof method !== 'string' || !Object.hasOwn(this.methods, method))
      return this.refuse(id, `no method ${JSON.stringify(method)}; there are ${Object.keys(this.methods).join(', ')}`);
    if (this.calls.has(id)) return this.refuse(null, `a call with the id ${id} is still being answered`);
    const call = { id, method: this.methods[method]!, params, controller: new AbortController() };
    this.calls.set(id, call);
    this.waiting.push(call);
    this.startNext();
  }

  private cancel(id: number): void {
    const call = this.calls.get(id);
    call?.controller.abort();
    if (!call || !this.waiting.includes(call)) return;
    this.waiting = this.waiting.filter((one) => one !== call);
    this.calls.delete(id);
    this.fail(id, call.controller.signal.reason);
  }

  private startNext(): void {
    const { atOnce = Infinity } = this.options;
    while (this.waiting.length > 0 && this.answers.size < atOnce) {
      const answer = this.answer(this.waiting.shift()!).finally(() => {
        this.answers.delete(answer);
        this.startNext();
      });
      this.answers.add(answer);
    }
  }

  private async answer(call: Call): Promise<void> {
    const { id, method, params, controller } = call;
    try {
      const value = await method(params, { signal: controller.signal, onProgress: this.progressOf(id) });
      this.calls.delete(id);
      this.send({ id, ok: true, value }, this.options.buffersIn?.(value));
    } catch (error) {
      this.calls.delete(id);
      if (!(error instanceof UserError) && !controller.signal.aborted) this.options.onDefect?.(error);
      this.fail(id, error);
    }
  }

  private progressOf(id: number): CallContext['onProgress'] {
    let last = -Infinity;
    return (done, total) => {
      const now = performance.now();
      if (done < total && (now - last < PROGRESS_MS || this.transport.congested)) return;
      last = now;
      this.send({ id, progress: { done, total } });
    };
  }

  private refuse(id: number | null, message: string): void {
    this.options.onDefect?.(new Error(message));
    this.send({ id, ok: false, error: { message, user: false } });
  }

  private fail(id: number, error: unknown): void {
    this.send({ id, ok: false, error: sendError(error) });
  }
}

/**
 * Answers the calls that come over a transport: each once, with a result or an error, unknown methods and what is no call
 * included. Calls run side by side unless `atOnce` says otherwise; when the transport closes they are cancelled.
 */
export function serve<C extends Calls<C>, E extends Events = Events>(
  methods: Methods<C>,
  transport: Transport,
  options: ServeOptions = {},
): Server<E> {
  const server = new CallServer(methods as Readonly<Record<string, AnyMethod>>, transport, options);
  return {
    send: (event, value) => server.send({ event, value }),
    stop: () => server.stop(),
  };
}
