import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { threadId } from 'node:worker_threads';
import { bootOfMachine, processNamespace } from '../machine/place';

/** `<name>.voco-<machine>-<boot>-<namespace>-<process>-<thread>-<count>.tmp`; before that `<name>.<process>-<count>.tmp`. */
export const OWN_NAME = /\.voco-([0-9a-f]{6})-([0-9a-f]{6})-([0-9a-f]{6})-(\d+)-\d+-\d+\.tmp$/;
export const OLDER_NAME = /\.(\d+)-\d+\.tmp$/;

/** Names of files end here at the latest, in bytes of UTF-8; most disks take 255. */
const LONGEST = 120;

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6);

export interface Maker {
  /** The machine, whether or not it was started anew since. */
  readonly machine: string;
  readonly boot: string;
  readonly namespace: string;
}

let maker: Promise<Maker> | undefined;

/** What tells this machine, its running kernel and its process numbers from others. */
export function thisMaker(): Promise<Maker> {
  maker ??= (async () => {
    const id = await readFile('/etc/machine-id', 'utf8').catch(() => '');
    return {
      machine: short(`${hostname()} ${id}`),
      boot: short(await bootOfMachine()),
      namespace: short(await processNamespace()),
    };
  })();
  return maker;
}

let counter = 0;

/** A name beside a file that nobody else uses, also not on another machine with the same disk. */
export async function temporaryName(file: string): Promise<string> {
  const { machine, boot, namespace } = await thisMaker();
  counter += 1;
  const name = basename(file);
  const start = Buffer.byteLength(name) > LONGEST ? short(name) : name;
  return join(dirname(file), `${start}.voco-${machine}-${boot}-${namespace}-${process.pid}-${threadId}-${counter}.tmp`);
}
