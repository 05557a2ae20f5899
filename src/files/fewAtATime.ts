/** A process may have some hundred files open, on some systems, and a dataset has thousands. */
const AT_ONCE = 16;

/**
 * Does something that opens a file with each item, a few of them at a time.
 *
 * @returns the results, in the order of the items
 */
export async function fewAtATime<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}
