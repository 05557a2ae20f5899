import { randomUUID } from 'node:crypto';
import { stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The time by the clock of the disk, in milliseconds: a shared disk may be that of another machine, and its times are not to be
 * compared with the clock of this one. Undefined where nothing can be written.
 */
export async function diskNow(folder: string): Promise<number | undefined> {
  const probe = join(folder, `.${randomUUID()}.tmp`);
  try {
    await writeFile(probe, '');
    return (await stat(probe)).mtimeMs;
  } catch {
    return undefined;
  } finally {
    await unlink(probe).catch(() => undefined);
  }
}
