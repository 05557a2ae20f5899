import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileError } from '../../errors/userError';

const SPECIAL = /[*?[\]{}]/;

/** `a{b,c}d` → `abd`, `acd`; nested braces are expanded too. */
function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  let start = open + 1;
  const choices: string[] = [];
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '{') depth++;
    if (c === '}') depth--;
    if ((c === ',' && depth === 1) || depth === 0) {
      choices.push(pattern.slice(start, i));
      start = i + 1;
    }
    if (depth === 0) {
      const rest = pattern.slice(i + 1);
      return choices.flatMap((choice) => expandBraces(pattern.slice(0, open) + choice + rest));
    }
  }
  return [pattern];
}

/** A pattern for one part of a path: `*`, `?` and `[a-z]`; a leading dot has to be written out. */
function partMatcher(part: string): RegExp {
  const body = part.replace(/\[!?[^\]]+\]|[*?]|[.+^${}()|\\[\]]/g, (token) => {
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.startsWith('[') && token.length > 2) return token.startsWith('[!') ? `[^${token.slice(2)}` : token;
    return `\\${token}`;
  });
  return new RegExp(`^${part.startsWith('.') ? '' : '(?!\\.)'}${body}$`);
}

async function subEntries(folder: string): Promise<{ name: string; directory: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      if (!entry.isSymbolicLink()) return { name: entry.name, directory: entry.isDirectory() };
      const target = await stat(join(folder, entry.name)).catch(() => undefined);
      return { name: entry.name, directory: target?.isDirectory() ?? false };
    }),
  );
}

async function walk(folder: string, parts: readonly string[], seen: ReadonlySet<string>, found: Set<string>) {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (part === '**') {
    await walk(folder, rest, seen, found);
    const identity = await realpath(folder).catch(() => folder);
    if (seen.has(identity)) return;
    const inside = new Set(seen).add(identity);
    for (const entry of await entriesOf(folder))
      if (entry.directory && !entry.name.startsWith('.')) await walk(join(folder, entry.name), parts, inside, found);
    return;
  }
  const matches = partMatcher(part);
  for (const entry of await entriesOf(folder)) {
    if (!matches.test(entry.name)) continue;
    if (rest.length === 0 && !entry.directory) found.add(join(folder, entry.name));
    if (rest.length > 0 && entry.directory) await walk(join(folder, entry.name), rest, seen, found);
  }
}

async function entriesOf(folder: string) {
  try {
    return await subEntries(folder);
  } catch (error) {
    throw fileError(error, folder, 'list the folder');
  }
}

/**
 * Files that match a pattern, sorted. Knows `*`, `?`, `[abc]`, `[!abc]`, `{a,b}` and `**` (any depth); hidden files and
 * folders match only when the dot is written. Follows links to folders, once each along a path.
 *
 * @param pattern absolute, `/` between parts
 * @throws UserError when a folder on the way cannot be listed
 */
export async function glob(pattern: string): Promise<string[]> {
  const found = new Set<string>();
  for (const one of expandBraces(pattern.split(sep).join('/'))) {
    const parts = one.replace(/\/\*\*$/, '/**/*').split('/');
    const fixed = parts.findIndex((part) => SPECIAL.test(part));
    const split = fixed < 0 ? parts.length - 1 : fixed;
    const folder = parts.slice(0, split).join('/') || '/';
    const isThere = await stat(folder).then(
      (status) => status.isDirectory(),
      () => false,
    );
    if (isThere) await walk(folder, parts.slice(split).filter(Boolean), new Set(), found);
  }
  return [...found].sort(byName);
}

/** Order of file names that does not depend on the locale of the machine. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
