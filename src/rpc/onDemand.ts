import { connect, type CallOptions, type Client } from './client';
import type { Calls } from './contract';
import { ClosedError, type Transport } from './transport';

/** A client whose other side is started by the first call, and started again by the next call after it has ended. */
export class OnDemand<C extends Calls<C>> {
  private connected: Promise<Client<C>> | undefined;
  private closed = false;

  constructor(
    private readonly start: () => Transport | Promise<Transport>,
    /** What calls are rejected with after {@link close}. */
    private readonly closedError: Error = new ClosedError('the connection was closed'),
  ) {}

  /** As {@link Client.call}. @throws also what `start` throws */
  async call<N extends keyof C & string>(
    method: N,
    params: C[N]['params'],
    options?: CallOptions,
  ): Promise<C[N]['result']> {
    if (this.closed) throw this.closedError;
    const client = await (this.connected ??= this.connect());
    return client.call(method, params, options);
  }

  /** Ends the other side; calls that wait are rejected. */
  async close(): Promise<void> {
    this.closed = true;
    const client = await this.connected?.catch(() => undefined);
    await client?.close();
  }

  /** {@link close}, without waiting. */
  dispose(): void {
    void this.close();
  }

  private connect(): Promise<Client<C>> {
    const forget = (): void => {
      if (this.connected === connected) this.connected = undefined;
    };
    const connected = Promise.resolve()
      .then(this.start)
      .then((transport) => connect<C>(watched(transport, forget)));
    connected.catch(forget);
    return connected;
  }
}

/** The same transport, which also calls `onEnd` when it ends. */
function watched(transport: Transport, onEnd: () => void): Transport {
  return {
    send: (message, transfer) => transport.send(message, transfer),
    onMessage: (listener) => transport.onMessage(listener),
    onClose: (listener) => transport.onClose((reason) => (onEnd(), listener(reason))),
    close: () => transport.close(),
  };
}
