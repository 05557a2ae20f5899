import { stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryName } from './temporaryName';

/**
 * The time by the clock of the disk, in milliseconds: a shared disk may be that of another machine, and its times are not to be
 * compared with the clock of this one. Undefined where nothing can be written.
 */
export async function diskNow(folder: string): Promise<number | undefined> {
  const probe = await temporaryName(join(folder, '.clock'));
  try {
    await writeFile(probe, '');
    return (await stat(probe)).mtimeMs;
  } catch {
    return undefined;
  } finally {
    await unlink(probe).catch(() => undefined);
  }
}
