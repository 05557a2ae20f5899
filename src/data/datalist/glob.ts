import { readdir, type Dirent } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { glob as tinyglob, type GlobOptions } from 'tinyglobby';
import { fileError, UserError } from '../../errors/userError';
import { isFolder } from '../../files/kinds';

/** What the search asks of a folder's entry. */
type Entry = Pick<Dirent, 'name' | 'isFile' | 'isDirectory' | 'isSymbolicLink'>;

interface Failure {
  readonly folder: string;
  readonly error: NodeJS.ErrnoException;
}

/** A folder that is not there holds nothing that matches. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/** Folders that link to one another have paths beyond number: a search ends after so many. */
const MOST_FOLDERS = 100_000;

class TooManyFolders extends Error {}

/** A name is matched in tries that grow with a power of these: of `*` in one part, and of groups in all. */
const [MOST_STARS, MOST_GROUPS, MOST_CHARACTERS] = [4, 8, 4096];

/** @throws UserError for a pattern that would be slow to match, which no one needs */
function checkPattern(pattern: string): void {
  const stars = Math.max(...pattern.split('/').map((part) => part.replaceAll('**', '*').split('*').length - 1));
  const groups = pattern.match(/\{|[@!+]\(/g)?.length ?? 0;
  const shown = pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
  if (stars > MOST_STARS)
    throw new UserError(`${shown}: the pattern has ${stars} stars in one name, more than ${MOST_STARS}: shorten it`);
  if (groups > MOST_GROUPS || pattern.length > MOST_CHARACTERS)
    throw new UserError(`${shown}: the pattern is too long, or has more than ${MOST_GROUPS} groups: shorten it`);
  if (/\+\([^)]*[(*{]/.test(pattern))
    throw new UserError(`${shown}: a group that repeats holds another group or a star: write it in another way`);
}

const DOTS = '[.][.]';
const SPECIAL = /[*?[\]{}]|[@!+]\(/;

/** Whether a folder is reached again through a link inside of it. */
export async function holdsItself(link: string): Promise<boolean> {
  const target = join(await realpath(link), sep);
  for (let folder = dirname(link); ; folder = dirname(folder)) {
    if (join(await realpath(folder), sep).startsWith(target)) return true;
    if (folder === dirname(folder)) return false;
  }
}

/**
 * An entry as what it links to. A link that leads nowhere is a file: whoever opens it says that it is missing, so that no case
 * is lost in silence. Undefined for a link to a folder that holds it, which would have no end.
 */
async function followed(folder: string, entry: Dirent): Promise<Entry | undefined> {
  if (!entry.isSymbolicLink()) return entry;
  const path = join(folder, entry.name);
  const directory = await isFolder(path);
  if (directory && (await holdsItself(path).catch(() => true))) return undefined;
  return { name: entry.name, isFile: () => !directory, isDirectory: () => directory, isSymbolicLink: () => false };
}

/**
 * The folders as the library should see them: links followed, hidden entries left out, and one that cannot be listed
 * remembered, since the library passes over it.
 */
function folders(hidden: boolean, failures: Failure[]): GlobOptions['fs'] {
  let listed = 0;
  const list = (
    folder: string,
    options: { withFileTypes: true },
    done: (error: Error | null, found?: Entry[]) => void,
  ) => {
    if (++listed > MOST_FOLDERS) return done(new TooManyFolders());
    readdir(folder, options, (error, entries) => {
      if (error) {
        if (!ABSENT.has(error.code ?? '')) failures.push({ folder, error });
        return done(error);
      }
      const seen = entries.filter(({ name }) => hidden || !name.startsWith('.'));
      void Promise.all(seen.map((entry) => followed(folder, entry))).then((found) =>
        done(
          null,
          found.filter((entry) => entry !== undefined),
        ),
      );
    });
    if (listed === MOST_FOLDERS) failures.unshift({ folder, error: new TooManyFolders() });
    return undefined;
  };
  return { readdir: list as NonNullable<GlobOptions['fs']>['readdir'] };
}

/**
 * A pattern in the library's language, which knows more: a parenthesis that does not follow `@`, `!` or `+` stands for itself, as
 * in `scan (1).nii`, so do `+` and `|` outside of groups and the dots in `{1..3}`, and `{a}` is `a`.
 */
function libraryPattern(pattern: string): string {
  let groups = 0;
  return pattern.replace(/\\.|\[!?[^/]+?\]|\{[^{},/]*\}|[@!+]\(|\.\.(?=[^/{]*\})|[()|+]/g, (token) => {
    if (token.startsWith('\\') || token.startsWith('[')) return token;
    if (token === '..') return DOTS;
    if (token.startsWith('{')) {
      const choice = libraryPattern(token.slice(1, -1).replaceAll('..', DOTS));
      return `{${choice},${choice}}`;
    }
    if (token.length === 2) groups++;
    else if (groups === 0 || !')|'.includes(token)) return `\\${token}`;
    if (token === ')') groups--;
    return token;
  });
}

/**
 * Files that match a pattern, sorted. Knows `*`, `?`, `[abc]`, `[!abc]`, `{a,b}`, `@(a|b)`, `!(a|b)`, `+(a|b)` and `**` (any
 * depth); hidden files and folders match only when the dot is written. A backslash makes the next character stand for itself;
 * on Windows it separates folders. Links to folders are followed, except to one that holds the link.
 *
 * @param pattern absolute, `/` between parts
 * @throws UserError when a folder on the way cannot be listed
 */
export async function glob(pattern: string): Promise<string[]> {
  checkPattern(pattern);
  const parts = pattern.split(sep).join('/').split('/');
  const searched = parts.slice(parts.findIndex((part) => SPECIAL.test(part))).join('/');
  const failures: Failure[] = [];
  const patterns = [libraryPattern(parts.join('/'))];
  // The library does not look for hidden names where `**` stands for no folder at all.
  if (patterns[0]!.includes('**/.')) patterns.push(patterns[0]!.replaceAll('**/.', '.'));
  const found = await tinyglob(patterns, {
    absolute: true,
    cwd: parse(pattern).root,
    expandDirectories: false,
    fs: folders(/(^|[/{,(|])\./.test(searched), failures),
  });
  const endless = failures.find(({ error }) => error instanceof TooManyFolders);
  if (endless)
    throw new UserError(
      `${pattern}: goes through more than ${MOST_FOLDERS} folders, such as ${endless.folder}: narrow the pattern`,
    );
  const failure = failures.sort((a, b) => byName(a.folder, b.folder))[0];
  if (failure) throw fileError(failure.error, resolve(failure.folder), 'list the folder');
  return found.map((file) => resolve(file)).sort(byName);
}

/** Order of file names that does not depend on the locale of the machine. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
