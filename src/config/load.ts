import { dirname, resolve } from 'node:path';
import type { Node } from 'jsonc-parser';
import { fileError, UsageError } from '../errors/userError';
import { readRegular, regularFile } from '../files/regular';
import { MOST_CONFIG_BYTES } from './bounds';
import { check, diagnose, formatDiagnostic, parseText, toDiagnostic } from './diagnose';
import { applyOverride, overrideOf, parseOverride, type Override } from './overrides';
import { resolvePaths } from './paths';
import { formatPath, isRecord } from '../schema/tree';
import { rules } from './rules';
import { NO_CLASSES, wantsClasses, withClassesOfData } from './classesOfData';
import type { Config, ConfigByKind, ConfigKind, FinetuneConfig } from './types';
import type { Problem } from '../schema';
import { configSchema } from './validate';

export interface LoadedConfig<C extends Config = Config> {
  /** Every default filled in, every path absolute. */
  readonly config: C;
  /** The file as it was read. */
  readonly source: { readonly file: string; readonly text: string };
  /** Things that are allowed but probably not meant, one line each. */
  readonly warnings: readonly string[];
}

const MAX_SHOWN = 20;

async function readText(file: string): Promise<string> {
  try {
    const { size } = await regularFile(file, 'read the config');
    if (size > MOST_CONFIG_BYTES)
      throw new UsageError(`${file}: ${size} bytes is too large for a config; is it another file?`);
    return (await readRegular(file, 'read the config')).toString('utf8');
  } catch (error) {
    const failure = fileError(error, file, 'read the config');
    throw failure instanceof UsageError ? failure : new UsageError(failure.message, { cause: error });
  }
}

/** A config that is wrong, with one line for each thing. */
export class ConfigError extends UsageError {
  /** @param keys paths of the values that are wrong, as users write them: `data.train[0].key` */
  constructor(
    message: string,
    readonly keys: readonly string[],
  ) {
    super(message);
    this.name = 'ConfigError';
  }
}

function fail(lines: readonly string[], keys: readonly string[] = []): never {
  const more = lines.length > MAX_SHOWN ? [`… and ${lines.length - MAX_SHOWN} more`] : [];
  throw new ConfigError([...lines.slice(0, MAX_SHOWN), ...more].join('\n'), keys);
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
    const override = overrideOf(problem.path, overrides);
    if (override)
      return { offset: Infinity, line: `--set ${override.text}: ${formatPath(problem.path)}: ${problem.message}` };
    const diagnostic = toDiagnostic(problem, root, text, file, MAX_SHOWN * 10);
    return { offset: diagnostic.offset, line: formatDiagnostic(diagnostic, text) };
  });
  return lines.sort((a, b) => (a.offset === b.offset ? 0 : a.offset - b.offset)).map(({ line }) => line);
}

export interface LoadOptions<K extends ConfigKind = ConfigKind> {
  /** `path=value` overrides. */
  readonly set?: readonly string[];
  /** The kind that the caller needs; another one is an error. */
  readonly kind?: K;
}

function requireKind(config: Config, kind: ConfigKind, file: string): void {
  if (config.kind === kind) return;
  throw new UsageError(`${file}: is a config of kind "${config.kind}", not "${kind}"; use it with voco ${config.kind}`);
}

/**
 * Reads a config file (JSON with comments), lays `--set path=value` overrides over it, validates, fills in every default
 * and makes every path absolute, from the folder of the file.
 *
 * @throws UsageError with one line for each thing wrong: file, line, column, path, what is wrong, a suggestion.
 */
export async function loadConfig<K extends ConfigKind = ConfigKind>(
  file: string,
  options: LoadOptions<K> = {},
): Promise<LoadedConfig<ConfigByKind[K]>> {
  const text = await readText(file);
  const { root, value, errors } = parseText(text);
  if (!root || errors.length || !isRecord(value)) {
    fail(diagnose(text, file).map((diagnostic) => formatDiagnostic(diagnostic, text)));
  }
  const { config, schema, warnings } = checkAll(value, root, text, file, options.set ?? []);
  const absolute = resolve(file);
  if (options.kind !== undefined) requireKind(config, options.kind, file);
  const resolved = resolvePaths(config, schema, dirname(absolute)) as ConfigByKind[K];
  const complete = await withClassesOfData(resolved);
  if (complete.kind === 'finetune') refuseClasses(complete, file);
  return { config: complete, source: { file: absolute, text }, warnings };
}

/** Says what is wrong with classes that the data named, or that none did. */
function refuseClasses(config: FinetuneConfig, file: string): void {
  if (wantsClasses(config.task)) throw new UsageError(`${file}: task.classes: ${NO_CLASSES}`);
  const wrong = rules(config).find(({ severity, path }) => severity === 'error' && path[0] === 'task');
  if (wrong) throw new UsageError(`${file}: ${formatPath(wrong.path)}: ${wrong.message}`);
}

/** Lays the overrides over a parsed config and checks the whole. */
function checkAll(value: Record<string, unknown>, root: Node, text: string, file: string, set: readonly string[]) {
  const overrides = set.map((item) => parseOverride(item, configSchema()));
  for (const override of overrides) applyOverride(value, override, configSchema());
  const { problems, config, schema } = check(value);
  const lines = (severity: Problem['severity']) =>
    problemLines(
      problems.filter((problem) => problem.severity === severity),
      overrides,
      root,
      text,
      file,
    );
  const keys = problems.map(({ path }) => formatPath(path));
  if (!config || lines('error').length) fail(lines('error'), keys);
  return { config, schema, warnings: lines('warning') };
}
