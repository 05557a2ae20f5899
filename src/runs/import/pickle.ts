import { Machine, type Work } from './machine';
import { OPERATIONS } from './operations';
import type { PickleHooks } from './values';

/**
 * Reads one pickle (protocols 0 to 5) without executing any of it: containers, texts and numbers are rebuilt, and what
 * `hooks.rebuild` makes of the globals it knows. Any other class or function becomes an {@link Opaque} placeholder.
 *
 * @param bytes may go on after the pickle
 * @param work counts what several pickles of one file cost together
 * @returns its value (dicts as Map; lists, tuples and sets as arrays) and where it ends
 * @throws UserError naming `file` when it is malformed, or claims what its length cannot hold; PickleEnd where `bytes` end
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  file: string,
  hooks: PickleHooks,
  work?: Work,
): { value: unknown; end: number } {
  const machine: Machine = new Machine(bytes, start, file, hooks, work);
  while (!machine.result) {
    const code = machine.operation();
    const operation = OPERATIONS.get(code);
    if (!operation) machine.fail(`its pickle has the unknown operation 0x${code.toString(16)}`);
    operation(machine);
  }
  return { value: machine.result.value, end: machine.position };
}
