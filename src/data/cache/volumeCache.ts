import { open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileError } from '../../errors/userError';
import { writeAtomically } from '../../files/atomic';
import { removeStale, type Sweep } from '../../files/temporary';
import type { Volume } from '../../volume/types';
import { decodeEntry, encodeHead } from './entry';

const ENTRY = /^[0-9a-f]{64}\.(vol|json|nii\.gz)$/;
/** Verdicts on cases are emptied with the cache, but are no volumes. */
const VERDICT = /^[0-9a-f]{64}\.verdict$/;

/** The folder of preprocessed volumes: the given one, else `VOCO_CACHE_DIR`, else `voco` in the user's cache folder. */
export function cacheFolder(configured?: string | null): string {
  if (process.env.VOCO_CACHE_DIR) return resolve(process.env.VOCO_CACHE_DIR);
  if (configured) return resolve(configured);
  const base =
    process.env.XDG_CACHE_HOME ??
    (process.platform === 'darwin'
      ? join(homedir(), 'Library', 'Caches')
      : process.platform === 'win32'
        ? (process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
        : join(homedir(), '.cache'));
  return join(base, 'voco');
}

function entryFile(folder: string, key: string, extension: 'vol' | 'json' | 'nii.gz' | 'verdict'): string {
  return join(folder, key.slice(0, 2), `${key}.${extension}`);
}

/** Where a result that took long (see `cacheKey`) is kept beside the volumes, as JSON. */
export function resultFile(folder: string, key: string): string {
  return entryFile(folder, key, 'json');
}

/** Where the verdict on a case is kept, as JSON. */
export function verdictFile(folder: string, key: string): string {
  return entryFile(folder, key, 'verdict');
}

/** Where an image that took long to compute is kept beside the volumes, as NIfTI for viewers. */
export function resultImage(folder: string, key: string): string {
  return entryFile(folder, key, 'nii.gz');
}

/** Preprocessed volumes on disk, one file each, named by their key (see `cacheKey`). Safe for several processes at once. */
export class VolumeCache {
  constructor(readonly folder: string) {}

  private file(key: string): string {
    return entryFile(this.folder, key, 'vol');
  }

  /**
   * Reads a volume in one read; undefined when it is not there. A damaged entry is removed and counts as absent.
   * The voxels are a view of a fresh buffer that is the caller's.
   */
  async get(key: string): Promise<Volume<Float32Array> | undefined> {
    const file = this.file(key);
    let content: ArrayBuffer;
    try {
      const handle = await open(file, 'r');
      try {
        const { size } = await handle.stat();
        content = new ArrayBuffer(size);
        // One read as a rule; the system returns at most 2 GiB at a time.
        let filled = 0;
        while (filled < size) {
          const length = Math.min(size - filled, 1 << 30);
          const { bytesRead } = await handle.read(new Uint8Array(content), filled, length, filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw fileError(error, file, 'read the cached volume');
    }
    const volume = decodeEntry(content, key);
    if (!volume) await unlink(file).catch(() => undefined);
    return volume;
  }

  /** Stores a volume: the whole entry or nothing. @throws UserError naming the file when the disk is full or read-only */
  async put(key: string, volume: Volume<Float32Array>): Promise<void> {
    const { data } = volume;
    await writeAtomically(this.file(key), async (handle) => {
      await handle.writeFile(encodeHead(key, volume));
      await handle.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
  }
}

export interface CacheStatus {
  readonly folder: string;
  readonly entries: number;
  readonly bytes: number;
}

const GROUP = /^[0-9a-f]{2}$/;

/** Removes what writers that have ended left in a cache. @param sweep see {@link removeStale} */
export async function tidyCache(folder: string, sweep: Sweep = {}): Promise<void> {
  const groups = (await readdir(folder).catch(() => [])).filter((name) => GROUP.test(name));
  for (const name of groups) await removeStale(join(folder, name), { older: true, ...sweep });
}

async function cacheFiles(folder: string): Promise<{ file: string; entry: boolean }[]> {
  const listed = async (path: string) =>
    readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fileError(error, path, 'list the cache');
    });
  const files: { file: string; entry: boolean }[] = [];
  for (const group of await listed(folder)) {
    if (!group.isDirectory() || !GROUP.test(group.name)) continue;
    for (const item of await listed(join(folder, group.name))) {
      const entry = ENTRY.test(item.name);
      if (entry || VERDICT.test(item.name)) files.push({ file: join(folder, group.name, item.name), entry });
    }
  }
  return files;
}

/** Number and total size of what is cached; zeros when the folder is not there. */
export async function cacheStatus(folder: string): Promise<CacheStatus> {
  let entries = 0;
  let bytes = 0;
  for (const { file, entry } of await cacheFiles(folder)) {
    const status = await stat(file).catch(() => undefined);
    if (!status) continue;
    if (entry) entries++;
    bytes += status.size;
  }
  return { folder, entries, bytes };
}

/**
 * Removes all cached volumes and results, and only those: other files in the folder stay.
 *
 * @returns what was removed
 */
export async function emptyCache(folder: string): Promise<CacheStatus> {
  await tidyCache(folder, { olderHere: true });
  const status = await cacheStatus(folder);
  for (const { file } of await cacheFiles(folder))
    await rm(file, { force: true }).catch((error: unknown) => {
      throw fileError(error, file, 'remove the cached volume');
    });
  return status;
}
