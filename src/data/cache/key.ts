import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { fileError } from '../../errors/userError';
import { filesBehind } from '../../volume';

/** Changes whenever the layout of an entry or the numbers of a transform change, so that older entries are not found. */
const CACHE_VERSION = 2;

async function identity(file: string): Promise<string[]> {
  try {
    const path = await realpath(file);
    const status = await stat(path, { bigint: true });
    return [path, String(status.size), String(status.mtimeNs), String(status.ino)];
  } catch (error) {
    throw fileError(error, file, 'read the file');
  }
}

/** JSON with sorted keys, so that equal settings have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * Key of a preprocessed volume: a hash of the files (path, size, modification time, inode) and of everything that shaped the
 * result. A changed file or setting gives another key, so stale entries are never found.
 *
 * @throws UserError naming a file that is not there
 */
export async function cacheKey(files: readonly string[], settings: unknown): Promise<string> {
  // A detached header or a folder of slices stands for more files than its own.
  const all = (await Promise.all(files.map(filesBehind))).flat();
  const identities = await Promise.all(all.map(identity));
  return createHash('sha256')
    .update(canonical({ version: CACHE_VERSION, files: identities, settings }))
    .digest('hex');
}
