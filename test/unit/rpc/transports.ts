import type { Transport } from '../../../src/rpc';

interface End extends Transport {
  /** Everything sent to this end, as it arrived. */
  readonly heard: unknown[];
}

/** Two ends of one connection: messages are cloned and arrive in a later turn, as between threads. */
export function pair(): [End, End] {
  const ends = [0, 1].map(() => ({
    heard: [] as unknown[],
    listener: undefined as ((message: unknown) => void) | undefined,
    closed: undefined as ((reason: Error) => void) | undefined,
  }));
  const end = (here: number): End => {
    const [mine, other] = [ends[here]!, ends[1 - here]!];
    return {
      heard: mine.heard,
      send(message, transfer = []) {
        const copy: unknown = structuredClone(message, { transfer: [...transfer] });
        setImmediate(() => {
          other.heard.push(copy);
          other.listener?.(copy);
        });
      },
      onMessage: (listener) => void (mine.listener = listener),
      onClose: (listener) => void (mine.closed = listener),
      close() {
        for (const one of ends) one.closed?.(new Error('closed by one side'));
      },
    };
  };
  return [end(0), end(1)];
}
