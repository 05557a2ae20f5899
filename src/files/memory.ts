import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import process from 'node:process';
import { UserError } from '../errors/userError';
import { formatBytes } from '../text';

function numberIn(file: string, pattern = /^(\d+)\s*$/): number | undefined {
  try {
    const found = pattern.exec(readFileSync(file, 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    // Not there: not a Linux control group of this version.
    return undefined;
  }
}

const GROUPS = [
  { limit: 'memory.max', used: 'memory.current', cached: /^inactive_file (\d+)$/m },
  {
    limit: 'memory/memory.limit_in_bytes',
    used: 'memory/memory.usage_in_bytes',
    cached: /^total_inactive_file (\d+)$/m,
  },
] as const;

/** Memory that the container (cgroup v2 or v1) has left, or undefined where it has no limit. */
function containerFree(): number | undefined {
  for (const { limit, used, cached } of GROUPS) {
    const most = numberIn(`/sys/fs/cgroup/${limit}`);
    if (most === undefined || most <= 0 || most >= totalmem()) continue;
    // What the group holds of files is given up when memory is needed.
    const stat = `/sys/fs/cgroup/${limit.includes('/') ? 'memory/' : ''}memory.stat`;
    const taken = (numberIn(`/sys/fs/cgroup/${used}`) ?? 0) - (numberIn(stat, cached) ?? 0);
    return Math.max(0, most - Math.max(0, taken));
  }
  return undefined;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** The limit that a person sets with `VOCO_MEMORY` (`8G`, `500M`), for machines that several share. */
function askedLimit(): number {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(process.env.VOCO_MEMORY ?? '');
  return found ? Number(found[1]) * UNITS[found[2]!.toUpperCase()]! : Infinity;
}

/** Memory available without swapping, bytes: of the machine, of the container, and at most what `VOCO_MEMORY` says. */
export function availableMemory(): number {
  const available = numberIn('/proc/meminfo', /^MemAvailable:\s+(\d+) kB/m);
  const free = available === undefined ? freemem() : available * 1024;
  return Math.min(free, containerFree() ?? Infinity, askedLimit());
}

/** What is small enough to be taken without a look at what is free. */
const SMALL = 1 << 24;

/**
 * Refuses what would not fit into the free memory, before anything is allocated for it.
 *
 * @param bytes all that is held at once
 * @param what holds it, for the message: `512×512×300 voxels of int16 would`
 * @throws UserError naming the file, what is needed and what is free
 */
export function checkMemory(bytes: number, file: string, what: string): void {
  if (bytes <= SMALL) return;
  const free = availableMemory();
  // What is no number is refused as well.
  if (bytes <= free) return;
  throw new UserError(
    `${file}: ${what} take ${formatBytes(bytes)} of memory, and ${formatBytes(free)} are free: refused`,
  );
}
