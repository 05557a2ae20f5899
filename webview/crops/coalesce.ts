/**
 * Makes one question of all wishes that come while an answer is awaited; the last wish counts, since `ask` looks at what is wanted when
 * it is called.
 *
 * @returns asks; resolves when nothing is left to be asked.
 */
export function coalesced(ask: () => Promise<void>): () => Promise<void> {
  let asking = false;
  let again = false;
  return async () => {
    again = asking;
    if (asking) return;
    asking = true;
    try {
      do {
        again = false;
        await ask();
      } while (again);
    } finally {
      asking = false;
    }
  };
}
