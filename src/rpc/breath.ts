/**
 * Lets signals, the control socket and the heartbeat in between two pieces of long work: what computes keeps this thread, and
 * a promise that is settled already does not let it go.
 *
 * @throws the signal's reason once it is aborted
 */
export async function breathe(signal?: AbortSignal): Promise<void> {
  await new Promise((done) => setImmediate(done));
  signal?.throwIfAborted();
}

/** What long work is given, so that it can be watched, paused and stopped between its pieces. */
export interface Watched {
  /** Called between two pieces, a few seconds apart at most. Rejects where the work is to be broken off. */
  giveWay(): Promise<void>;
  /**
   * Tells what the work is at: "validating case 3 of 12".
   *
   * @param share how much of that is done, 0 to 1
   */
  tell(what: string, share?: number): void;
}

/** For work that nobody watches. */
export const UNWATCHED: Watched = { giveWay: () => breathe(), tell: () => undefined };

/** Long work without a wait in it: yields where it can be left. */
export type InPieces<T> = Generator<void, T, void>;

/** Does work in pieces without a break. */
export function atOnce<T>(work: InPieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** So long work goes on before it gives way. */
const PIECE_MS = 100;

/** Does work in pieces and gives way between them. @throws what `giveWay` throws */
export async function givingWay<T>(work: InPieces<T>, giveWay: () => Promise<void> = breathe): Promise<T> {
  for (let since = performance.now(); ;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - since < PIECE_MS) continue;
    await giveWay();
    since = performance.now();
  }
}
