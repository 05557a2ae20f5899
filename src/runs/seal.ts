import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, open, readFile, realpath, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, UserError } from '../errors/userError';
import { isPrivate, makePrivateFolder, stateFolder } from '../files/privateFolder';
import { temporaryName } from '../files/temporaryName';

const KEY = /^[0-9a-f]{64}\n$/;

const keyFile = (): string => join(stateFolder(), 'run-key');

/** Writes a new file that only this user can read. @returns false where another process was first */
async function writeNew(file: string, text: string): Promise<boolean> {
  const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (!handle) return false;
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return true;
}

/** Makes the key, unless there is one. It appears as a whole: of several processes that make one, the first wins. */
async function makeKey(file: string): Promise<void> {
  const text = `${randomBytes(32).toString('hex')}\n`;
  const temporary = await temporaryName(file);
  try {
    await makePrivateFolder(stateFolder());
    await writeNew(temporary, text);
    await link(temporary, file).catch(async (error: NodeJS.ErrnoException) => {
      // Some file systems have no links: there a reader waits for the rest.
      if (error.code !== 'EEXIST') await writeNew(file, text);
    });
  } catch (error) {
    throw fileError(error, file, 'make the key that marks runs as yours');
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** The key; undefined where there is none. @throws UserError when others can read it, or it is damaged */
async function readKey(file: string): Promise<string | undefined> {
  for (let attempt = 0; ; attempt++) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw fileError(error, file, 'read the key that marks runs as yours');
    });
    if (text === undefined) return undefined;
    if (!(await isPrivate(file, 'file')))
      throw new UserError(`${file}: others can read this key, or it is not yours: delete it, and a new one is made`);
    if (KEY.test(text)) return text;
    if (attempt === 20) throw new UserError(`${file}: not a key: delete it, and a new one is made`);
    await sleep(50);
  }
}

const known = new Map<string, string>();

async function keyOf(make: boolean): Promise<string | undefined> {
  const file = keyFile();
  const before = known.get(file);
  if (before !== undefined) return before;
  let key = await readKey(file);
  if (key === undefined && make) {
    await makeKey(file);
    key = await readKey(file);
  }
  if (key !== undefined) known.set(file, key);
  return key;
}

async function mac(key: string, runDir: string, what: string, fields: readonly unknown[]): Promise<string> {
  const place = await realpath(runDir);
  return createHmac('sha256', key)
    .update(JSON.stringify([what, place, ...fields]))
    .digest('hex');
}

/**
 * The seal of something in a run directory: a code that only this user's programs can make, from a key in the user's home. It
 * holds for these values in this directory, so that what was copied, unpacked or cloned from elsewhere, and what somebody else
 * has changed, has none that fits.
 *
 * @param what which file it is for
 * @throws UserError when the home can hold no key
 */
export async function sealOf(runDir: string, what: string, fields: readonly unknown[]): Promise<string> {
  return mac((await keyOf(true))!, runDir, what, fields);
}

/** Whether a seal is that of these values in this directory. Without a key nothing is. */
export async function sealFits(
  seal: unknown,
  runDir: string,
  what: string,
  fields: readonly unknown[],
): Promise<boolean> {
  if (typeof seal !== 'string') return false;
  try {
    const key = await keyOf(false);
    if (key === undefined) return false;
    const right = Buffer.from(await mac(key, runDir, what, fields));
    const given = Buffer.from(seal);
    return right.length === given.length && timingSafeEqual(right, given);
  } catch {
    return false;
  }
}
