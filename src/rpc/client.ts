import type { Calls, Events } from './contract';
import { receiveError } from './errors';
import { isRecord, type Progress, type ToClient, type ToServer } from './messages';
import { ClosedError, type Transport } from './transport';

export interface CallOptions {
  /** Cancels the call, which then rejects with the signal's reason at once. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Buffers of the parameters that change owner instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[] | undefined;
  /** Gives up after so long, and cancels the call. */
  readonly timeoutMs?: number | undefined;
}

/** No answer came in time. */
export class TimeoutError extends Error {
  constructor(readonly timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1000} seconds`);
    this.name = 'TimeoutError';
  }
}

/** The side that asks. */
export interface Client<C extends Calls<C>, E extends Events = Events> {
  /**
   * Asks the other side and waits for its answer.
   *
   * @throws UserError or RemoteError, as the other side threw it; the signal's reason; TimeoutError; and when the other side
   * goes before it has answered, or has gone, the reason for that
   */
  call<N extends keyof C & string>(method: N, params: C[N]['params'], options?: CallOptions): Promise<C[N]['result']>;
  on<N extends keyof E & string>(event: N, listener: (value: E[N]) => void): void;
  /** Ends the other side; calls that wait are rejected. */
  close(): Promise<void>;
  /** {@link close}, without waiting. */
  dispose(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

class CallClient {
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Map<string, ((value: unknown) => void)[]>();
  private lastId = 0;
  private ended: Error | undefined;

  constructor(private readonly transport: Transport) {
    transport.onMessage((message) => this.receive(message));
    transport.onClose((reason) => this.end(reason));
  }

  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const { signal, onProgress, transfer, timeoutMs } = options;
    if (this.ended) return Promise.reject(this.ended);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      const drop = (error: Error): void => {
        this.waiting.delete(id);
        free();
        reject(error);
        this.transport.send({ cancel: id } satisfies ToServer);
      };
      const cancel = (): void => drop(signal!.reason as Error);
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => drop(new TimeoutError(timeoutMs)), timeoutMs);
      const free = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.waiting.set(id, {
        resolve: (value) => (free(), resolve(value)),
        reject: (error) => (free(), reject(error)),
        onProgress,
      });
      try {
        this.transport.send({ id, method, params } satisfies ToServer, transfer);
      } catch (error) {
        this.settle(id)?.reject(error as Error);
      }
    });
  }

  on(event: string, listener: (value: unknown) => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  async close(): Promise<void> {
    this.end(new ClosedError('the connection was closed'));
    await this.transport.close();
  }

  private settle(id: number): Waiting | undefined {
    const call = this.waiting.get(id);
    this.waiting.delete(id);
    return call;
  }

  private receive(message: unknown): void {
    // Libraries of another program may print lines of their own.
    if (!isRecord(message)) return;
    const told = message as unknown as ToClient;
    if ('event' in told) return this.listeners.get(told.event)?.forEach((listener) => listener(told.value));
    if (typeof told.id !== 'number') return;
    if ('progress' in told) return this.waiting.get(told.id)?.onProgress?.(told.progress);
    const call = this.settle(told.id);
    if (told.ok) call?.resolve(told.value);
    else call?.reject(receiveError(told.error));
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    for (const { reject } of this.waiting.values()) reject(this.ended);
    this.waiting.clear();
  }
}

/** Makes the calls of a contract over a transport. */
export function connect<C extends Calls<C>, E extends Events = Events>(transport: Transport): Client<C, E> {
  const client = new CallClient(transport);
  return {
    call: (method, params, options) => client.call(method, params, options),
    on: (event, listener) => client.on(event, listener as (value: unknown) => void),
    close: () => client.close(),
    dispose: () => void client.close(),
  };
}
