/** A way to another thread, process or page. Messages arrive in the order in which they were sent. */
export interface Transport {
  /**
   * Sends a message, which must be plain values.
   *
   * @param transfer buffers that change owner instead of being copied, where the transport can do that
   * @throws where the message cannot be sent as it is
   */
  send(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Hears the messages of the other side. One listener. */
  onMessage(listener: (message: unknown) => void): void;
  /** Hears once that the other side has gone, or that {@link close} was called, and why. One listener. */
  onClose(listener: (reason: Error) => void): void;
  /** Ends the connection, and a thread or process that is there for it alone. */
  close(): void | Promise<void>;
  /** Whether the other side does not keep up: what can be left out should be. */
  readonly congested?: boolean;
}

/** Why a call was not answered: nobody is there to answer it. */
export class ClosedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ClosedError';
  }
}
