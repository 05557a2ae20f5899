import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, UsageError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { isFile } from '../../files/kinds';
import { existing } from '../../files/outputs';
import { readPlainText } from '../../files/regular';

/** There while a dataset is being made: by it an interrupted one is taken up again. */
const MARK = 'phantom-unfinished.json';

const FOLDERS = ['imagesTr', 'labelsTr'] as const;

export interface DatasetRequest {
  readonly out: string;
  /** Names of the lists that are written into it. */
  readonly lists: readonly string[];
  /** Everything that shapes the cases. */
  readonly settings: unknown;
  readonly force?: boolean | undefined;
}

/** What of a dataset is there already, in the folder or below it. */
async function firstThere({ out, lists }: DatasetRequest): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    const path = join(out, folder);
    const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw fileError(error, path, 'read the folder');
    });
    if (names.length > 0) return join(path, names[0]!);
  }
  return (await existing(lists.map((name) => join(out, name))))[0];
}

export interface UnfinishedDataset {
  /** Whether a file is still to be made: an interrupted dataset of the same settings has some. */
  missing(file: string): Promise<boolean>;
  /** The dataset is complete. */
  finish(): Promise<void>;
}

/**
 * Begins a dataset in a folder, or goes on with one of the same settings that was interrupted.
 *
 * @throws UsageError when the folder holds images, labels or a list that are not of such a dataset, unless it is forced
 */
export async function beginDataset(request: DatasetRequest): Promise<UnfinishedDataset> {
  const { out, settings, force = false } = request;
  const mark = join(out, MARK);
  const text = `${JSON.stringify(settings)}\n`;
  const goesOn = !force && (await readPlainText(mark).catch(() => '')) === text;
  const there = force || goesOn ? undefined : await firstThere(request);
  if (there !== undefined)
    throw new UsageError(`${there}: is there already; name another folder, or add --force to replace it`);
  await writeFileAtomically(mark, text);
  return {
    missing: async (file) => !goesOn || !(await isFile(file)),
    finish: () => rm(mark, { force: true }),
  };
}
