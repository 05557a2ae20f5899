import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Where a process runs, as run.json tells it. */
export interface Place {
  readonly host?: string;
  /** See {@link thisMachine}; absent in runs of older versions. */
  readonly machine?: string;
}

/** The identity of the running kernel: another one after each start of the machine. Empty where the system does not tell. */
export const bootOfMachine = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();

/** What process numbers are counted in: another one in each container. Empty where the system does not tell. */
export const processNamespace = (): Promise<string> => readlink('/proc/self/ns/pid').catch(() => '');

let known: Promise<string> | undefined;

/**
 * What tells this machine's processes from others of the same host name: the running kernel and the namespace of process
 * numbers. Two containers, or two nodes that are both called "localhost", differ in it; so does one machine before and after
 * a restart. Empty where the system does not tell.
 */
export function thisMachine(): Promise<string> {
  known ??= Promise.all([bootOfMachine(), processNamespace()]).then((parts) =>
    parts.filter((part) => part !== '').join(' '),
  );
  return known;
}

/** Whether the process numbers of a place are those of this machine. */
export async function isHere({ host, machine }: Place): Promise<boolean> {
  return host === hostname() && (!machine || machine === (await thisMachine()));
}
