import { lstat, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { AdvisedError, UserError } from '../errors/userError';

const ANNEX = /(^|[/\\])(\.git[/\\])?annex[/\\]objects[/\\]/;

/** First bytes of what is found under the name of a volume, but is none. */
const OTHERS: readonly (readonly [start: RegExp, what: string, advice: string])[] = [
  [/^\s*<(!doctype|html|head)/i, 'is a web page, not a volume: the download went wrong', 'download it again'],
  [/^\s*<\?xml/i, 'is an XML text, as a server answers a download that it refuses', 'download it again'],
  [/^PK\x03\x04/, 'is a zip archive', 'unpack it'],
  [/^BZh[1-9]/, 'is packed with bzip2', 'unpack it, or pack it with gzip'],
  [/^\xfd7zXZ/, 'is packed with xz', 'unpack it, or pack it with gzip'],
  [/^\x28\xb5\x2f\xfd/, 'is packed with zstd', 'unpack it, or pack it with gzip'],
  [/^7z\xbc\xaf/, 'is a 7z archive', 'unpack it'],
];

const notFetched = (file: string, what: string, commands: string): UserError =>
  new AdvisedError(file, `is ${what}, not the volume itself, which was not downloaded`, `run ${commands}`);

const textOf = (start: Uint8Array): string =>
  Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, 512)).toString('latin1');

/** Refuses pointers of Git LFS and git-annex. @param start first bytes of the file. @throws UserError with the command that fetches it */
export function refusePointer(file: string, start: Uint8Array): void {
  const text = textOf(start);
  const name = basename(file);
  if (/^version https:\/\/git-lfs\.github\.com\/spec\//.test(text))
    throw notFetched(file, 'a pointer of Git LFS', `"git lfs pull" in its repository`);
  if (/^[./\\]*(\.git[/\\])?annex[/\\]objects[/\\]/.test(text))
    throw notFetched(file, 'a pointer of git-annex', `"datalad get ${name}" or "git annex get ${name}" in its folder`);
}

/**
 * Refuses what stands in the place of a volume: pointers of Git LFS and git-annex, and downloads that went wrong.
 *
 * @param start first bytes of the file, as stored
 * @throws UserError naming `file` and what to do
 */
export function refuseStandIn(file: string, start: Uint8Array): void {
  refusePointer(file, start);
  const text = textOf(start);
  const other = OTHERS.find(([pattern]) => pattern.test(text));
  if (other) throw new AdvisedError(file, other[1], other[2]);
}

/** Refuses what a gzip file holds instead of a volume. @param start first bytes of it, inflated. @throws UserError naming `file` */
export function refusePacked(file: string, start: Uint8Array): void {
  refuseStandIn(file, start);
  const text = textOf(start);
  if (/^\x1f\x8b/.test(text)) throw new AdvisedError(file, 'is packed with gzip twice', 'unpack it once');
  if (/^.{257}ustar/s.test(text)) throw new AdvisedError(file, 'is a tar archive packed with gzip', 'unpack it');
}

/** What to say of a file that is not there, but whose link is; undefined when there is no link either. */
export async function danglingLink(file: string): Promise<UserError | undefined> {
  const target = await lstat(file)
    .then((status) => (status.isSymbolicLink() ? readlink(file) : undefined))
    .catch(() => undefined);
  if (target === undefined) return undefined;
  const name = basename(file);
  if (ANNEX.test(target))
    return notFetched(file, 'a link of git-annex', `"datalad get ${name}" or "git annex get ${name}" in its folder`);
  return new UserError(`${file}: is a link to ${target}, which is not there`);
}
