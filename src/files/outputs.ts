import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../errors/userError';
import { refuseSpecialFile } from './kinds';

export interface OutputRequest {
  /** Every file that a command is about to write at a path that a person named, or beside it. */
  readonly outputs: readonly string[];
  /** Every file that it reads: none is ever replaced. */
  readonly inputs: readonly string[];
  /** The person asked for what is there to be replaced (`--force`, or a dialog that said so). */
  readonly force?: boolean | undefined;
}

/** What is the same for all spellings of a path, links of both kinds and, where the disk folds it, case; undefined: nothing there. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Whether two paths are of one file. */
export async function sameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = [await identityOf(a), await identityOf(b)];
  return first !== undefined && first === second;
}

function refuseTwice(outputs: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const file of outputs) {
    // Two names that differ in case alone are one file on many disks.
    const key = resolve(file).toLowerCase();
    const before = seen.get(key);
    if (before !== undefined)
      throw new UsageError(
        before === file
          ? `${file}: two results would be written to this file; write them one by one`
          : `${file}: on many disks this is the same file as ${before}; write them one by one`,
      );
    seen.set(key, file);
  }
}

async function refuseInputs(outputs: readonly string[], inputs: readonly string[]): Promise<void> {
  const read = new Map<string, string>();
  for (const input of inputs) {
    const identity = await identityOf(input);
    if (identity !== undefined) read.set(identity, input);
  }
  for (const file of outputs) {
    const own = read.get((await identityOf(file)) ?? '');
    if (own !== undefined)
      throw new UsageError(
        `${file}: would replace ${own === file ? 'what is read from it' : `${own}, which is read`}; name another file to write`,
      );
  }
}

/** Which of some files are there, in their order. */
export async function existing(files: readonly string[]): Promise<string[]> {
  const there = await Promise.all(files.map(identityOf));
  return files.filter((_, i) => there[i] !== undefined);
}

/**
 * Refuses to write where something would be lost: onto a file that is read, whatever its path is spelled like; two results onto one
 * file; onto a device or a folder; and, unless it is forced, onto anything that is there. Call it before the work starts.
 *
 * @throws UsageError naming the file
 */
export async function checkOutputs({ outputs, inputs, force = false }: OutputRequest): Promise<void> {
  refuseTwice(outputs);
  await refuseInputs(outputs, inputs);
  for (const file of outputs) await refuseSpecialFile(file);
  if (force) return;
  const there = await existing(outputs);
  if (there.length === 0) return;
  const more = there.length > 1 ? `, and ${there.length - 1} more of ${outputs.length} files` : '';
  throw new UsageError(`${there[0]}: is there already${more}; name another place, or add --force to replace it`);
}
