import { constants, type Stats } from 'node:fs';
import { open, stat, statfs, type FileHandle } from 'node:fs/promises';
import { fileError, UserError } from '../errors/userError';

/** File systems that the kernel makes up (statfs(2)): their files may block for ever, have no end, or give no length. */
const MADE_UP = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xcafe4a11, // bpf
]);

function kindOf(status: Stats): string {
  if (status.isDirectory()) return 'a folder';
  if (status.isFIFO()) return 'a pipe';
  if (status.isSocket()) return 'a socket';
  return 'a device';
}

function refused(file: string, what: string): UserError {
  return new UserError(`${file}: is ${what}, not a regular file: name a file that is on a disk`);
}

/**
 * Makes sure that a path can be read like a file: a pipe, a device or a socket could block for ever, and a file of `/proc` has no
 * end that its length tells.
 *
 * @param doing said in the error: `read the config`
 * @throws UserError naming the file when it is missing or no regular file
 */
export async function regularFile(file: string, doing = 'read the file'): Promise<Stats> {
  try {
    const status = await stat(file);
    // A folder is refused by whoever opens it, in words of its own.
    if (!status.isFile() && !status.isDirectory()) throw refused(file, kindOf(status));
    // Such a file takes no room on a disk, so that the second look is spared for all others.
    if (process.platform === 'linux' && status.blocks === 0 && MADE_UP.has((await statfs(file)).type))
      throw refused(file, 'a file of the system');
    return status;
  } catch (error) {
    throw fileError(error, file, doing);
  }
}

/**
 * Opens a regular file for reading. Never waits for the other end of a pipe, even where one takes the file's place meanwhile.
 *
 * @throws UserError as {@link regularFile}
 */
export async function openRegular(file: string, doing = 'read the file'): Promise<FileHandle> {
  await regularFile(file, doing);
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: unknown) => {
    throw fileError(error, file, doing);
  });
  try {
    const status = await handle.stat();
    if (!status.isFile() && !status.isDirectory()) throw refused(file, kindOf(status));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A regular file of UTF-8, as our own programs write them. @throws the error of the file system, or a UserError as {@link regularFile} */
export async function readPlainText(file: string): Promise<string> {
  try {
    return (await readRegular(file)).toString('utf8');
  } catch (error) {
    // Callers look at the reason: a file that is not there is none.
    throw (error as Error).cause ?? error;
  }
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** The longest text that is read: JavaScript holds none of twice this length. */
const MOST_TEXT_BYTES = 256 * 1024 * 1024;

/**
 * All bytes of a regular file.
 *
 * @param most longer files are refused
 * @throws UserError as {@link regularFile}
 */
export async function readRegular(file: string, doing = 'read the file', most = MOST_TEXT_BYTES): Promise<Buffer> {
  const handle = await openRegular(file, doing);
  try {
    const { size } = await handle.stat();
    if (size > most) throw new UserError(`${file}: cannot ${doing}: ${size} bytes are too many (at most ${most})`);
    return await handle.readFile();
  } catch (error) {
    throw fileError(error, file, doing);
  } finally {
    await handle.close();
  }
}
