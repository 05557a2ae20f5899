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
