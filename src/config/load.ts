import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Node } from 'jsonc-parser';
import { fileError, UsageError } from '../errors/userError';
import { check, diagnose, formatDiagnostic, parseText, toDiagnostic } from './diagnose';
import { applyOverride, parseOverride, type Override } from './overrides';
import { resolvePaths } from './paths';
import { formatPath, isRecord, type ConfigPath } from './schemaTree';
import type { PretrainConfig } from './types';
import { configSchema, type Problem } from './validate';

export interface LoadedConfig {
  /** Every default filled in, every path absolute. */
  readonly config: PretrainConfig;
  /** The file as it was read. */
  readonly source: { readonly file: string; readonly text: string };
  /** Things that are allowed but probably not meant, one line each. */
  readonly warnings: readonly string[];
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_SHOWN = 20;

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new UsageError(`${file}: ${size} bytes is too large for a config; is it another file?`);
    return await readFile(file, 'utf8');
  } catch (error) {
    const failure = fileError(error, file, 'read the config');
    throw failure instanceof UsageError ? failure : new UsageError(failure.message, { cause: error });
  }
}

function fail(lines: readonly string[]): never {
  const more = lines.length > MAX_SHOWN ? [`… and ${lines.length - MAX_SHOWN} more`] : [];
  throw new UsageError([...lines.slice(0, MAX_SHOWN), ...more].join('\n'));
}

function isWithin(path: ConfigPath, outer: ConfigPath): boolean {
  return outer.every((part, index) => path[index] === part);
}

/** One line for each problem, in the order of the text: of the command line when the value comes from there. */
function problemLines(
  problems: readonly Problem[],
  overrides: readonly Override[],
  root: Node,
  text: string,
  file: string,
) {
  const lines = problems.map((problem) => {
    const override = [...overrides].reverse().find(({ path }) => isWithin(problem.path, path));
    if (override)
      return { offset: Infinity, line: `--set ${override.text}: ${formatPath(problem.path)}: ${problem.message}` };
    const diagnostic = toDiagnostic(problem, root, text, file);
    return { offset: diagnostic.offset, line: formatDiagnostic(diagnostic, text) };
  });
  return lines.sort((a, b) => (a.offset === b.offset ? 0 : a.offset - b.offset)).map(({ line }) => line);
}

/**
 * Reads a config file (JSON with comments), lays `--set path=value` overrides over it, validates, fills in every default
 * and makes every path absolute, from the folder of the file.
 *
 * @throws UsageError with one line for each thing wrong: file, line, column, path, what is wrong, a suggestion.
 */
export async function loadConfig(file: string, options: { set?: readonly string[] } = {}): Promise<LoadedConfig> {
  const text = await readText(file);
  const { root, value, errors } = parseText(text);
  if (!root || errors.length || !isRecord(value)) {
    fail(diagnose(text, file).map((diagnostic) => formatDiagnostic(diagnostic, text)));
  }
  const overrides = (options.set ?? []).map((item) => parseOverride(item, configSchema));
  for (const override of overrides) applyOverride(value, override, configSchema);
  const { problems, config, schema } = check(value);
  const lines = (severity: Problem['severity']) =>
    problemLines(
      problems.filter((problem) => problem.severity === severity),
      overrides,
      root,
      text,
      file,
    );
  if (!config || lines('error').length) fail(lines('error'));
  const absolute = resolve(file);
  const resolved = resolvePaths(config, schema, dirname(absolute));
  return { config: resolved, source: { file: absolute, text }, warnings: lines('warning') };
}
