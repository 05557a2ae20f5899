import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors/userError';

const DRIVE = /^[A-Za-z]:[\\/]/;
const ADDRESS = /^[a-z][a-z0-9+.-]+:\/\//i;

/** The path as it is written on the disk: names with accents have two spellings in Unicode. */
function asSpelt(path: string): string {
  if (!/[^ -~]/.test(path) || existsSync(path)) return path;
  return [path.normalize('NFC'), path.normalize('NFD')].find((one) => existsSync(one)) ?? path;
}

/** `$NAME/…` and `${NAME}/…` with what the environment says; a name that it does not have stays. */
function withVariable(path: string): string {
  const found = /^\$(?:\{(\w+)\}|(\w+))(?=[\\/]|$)/.exec(path);
  const value = found && process.env[(found[1] ?? found[2])!];
  return value ? value + path.slice(found[0].length) : path;
}

/** Backslashes as separators, as lists from Windows have them, unless a file has this very name. */
function withSlashes(base: string, path: string): string {
  if (sep === '\\' || !path.includes('\\') || existsSync(resolve(base, path))) return path;
  return path.replaceAll('\\', '/');
}

/**
 * A path of a list made absolute: relative ones start at `base`, `~` is the home folder, `$NAME/` a variable of the environment;
 * separators of Windows are understood.
 *
 * @param where names the entry in errors
 * @throws UserError for an address, a Windows drive on another system, or a variable that is not set
 */
export function listedPath(base: string, text: string, where: string): string {
  if (/^file:\/\//i.test(text)) return asSpelt(fileURLToPath(text));
  if (ADDRESS.test(text)) throw new UserError(`${where}: ${text} is an address: download the file and list its path`);
  if (sep === '/' && DRIVE.test(text) && !existsSync(resolve(base, text)))
    throw new UserError(
      `${where}: ${text} is a path of a Windows machine; write it relative to the list, or to "baseDir" of the source`,
    );
  const path = withSlashes(base, withVariable(text));
  const variable = /^\$\{?(\w+)\}?\//.exec(path);
  if (variable && !existsSync(resolve(base, path))) {
    const below = asSpelt(resolve(base, path.slice(variable[0].length)));
    if (existsSync(below)) return below;
    throw new UserError(
      `${where}: ${text}: set the environment variable ${variable[1]}, or "baseDir" of the source, to the folder that is meant`,
    );
  }
  if (path === '~' || path.startsWith('~/')) return asSpelt(join(homedir(), path.slice(1)));
  return asSpelt(resolve(base, path));
}
