import type { ConfigPath } from './tree';

/** A problem in a config, before its position in the text is known. */
export interface Problem {
  readonly path: ConfigPath;
  /** The key itself is wrong, not its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly severity: 'error' | 'warning';
  readonly fix?: ProblemFix;
}

export type ProblemFix =
  | { readonly title: string; readonly renameTo: string }
  | { readonly title: string; readonly path: ConfigPath; readonly value: unknown };

/** An error at a place of a config; with a `value` the editor offers to change it to that. */
export function error(path: ConfigPath, message: string, value?: unknown): Problem {
  const fix = value === undefined ? undefined : { title: `Change to ${JSON.stringify(value)}`, path, value };
  return { path, message, severity: 'error', ...(fix && { fix }) };
}

/** Something that is allowed but probably not meant. */
export function warning(path: ConfigPath, message: string): Problem {
  return { path, message, severity: 'warning' };
}
