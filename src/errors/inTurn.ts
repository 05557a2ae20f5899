import { UserError, WriteError } from './userError';

/** One of several things that were to be done, and why it was not. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

const MAX_NAMED = 5;

/**
 * Works on several things one after the other. One that cannot be used is told at once and does not end the others; every error
 * that is not the thing's own does: a full disk, an interruption, a defect. A single thing throws its own error.
 *
 * @param work throws a UserError where the thing itself is at fault
 * @param keep what is done with each result; its errors end everything
 * @param signal aborted by an interruption, whose reason ends everything
 * @returns those that failed
 */
export async function inTurn<T, R>(
  items: readonly T[],
  nameOf: (item: T) => string,
  work: (item: T) => Promise<R>,
  keep: (result: R, item: T) => void | Promise<void>,
  say: (text: string) => void,
  signal?: AbortSignal,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const item of items) {
    let result: R;
    try {
      result = await work(item);
    } catch (error) {
      signal?.throwIfAborted();
      if (items.length === 1 || !(error instanceof UserError) || error instanceof WriteError) throw error;
      failures.push({ name: nameOf(item), reason: error.message });
      say(error.message);
      continue;
    }
    await keep(result, item);
  }
  return failures;
}

/** The last line where some of several failed: `8 of 10 done; failed: a.nii.gz, b.nii.gz`. */
export function describeFailures(total: number, failures: readonly Pick<Failure, 'name'>[]): string {
  const names = failures.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = failures.length > MAX_NAMED ? [`and ${failures.length - MAX_NAMED} more`] : [];
  return `${total - failures.length} of ${total} done; failed: ${[...names, ...more].join(', ')}`;
}
