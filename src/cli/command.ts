import process from 'node:process';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { describeFailures, type Failure } from '../errors/inTurn';
import { ExitCode, UsageError } from '../errors/userError';
import { closest } from '../errors/closest';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
}

/** One subcommand of `voco`. `run` returns the exit code. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly details?: string;
  readonly options: Options;
  run(args: Arguments): Promise<number>;
}

/** Parses a subcommand's arguments; misspelt options get a suggestion. */
export function parseCommandLine(command: Command, argv: readonly string[]): Arguments {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
    return { positionals, values };
  } catch (error) {
    const unknown = /option '(--[\w-]+)/.exec((error as Error).message)?.[1];
    const known = Object.keys(command.options).map((name) => `--${name}`);
    const suggestion = unknown && !known.includes(unknown) ? closest(unknown, known) : undefined;
    const advice = suggestion ? `; did you mean ${suggestion}?` : `; see voco ${command.name} --help`;
    const reason = unknown && !known.includes(unknown) ? `unknown option ${unknown}` : (error as Error).message;
    throw new UsageError(`voco ${command.name}: ${reason}${advice}`, { cause: error });
  }
}

/** A whole number of an option, at least `minimum`. */
export function integerOption(args: Arguments, name: string, fallback: number, minimum = 0): number {
  const text = args.values[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum) {
    throw new UsageError(`--${name} must be a whole number of at least ${minimum}, not "${String(text)}"`);
  }
  return value;
}

/** Three numbers joined by commas, e.g. `--size 160,160,64`. */
export function tripleOption(args: Arguments, name: string): [number, number, number] | undefined {
  const text = args.values[name];
  if (typeof text !== 'string') return undefined;
  const parts = text.split(/[,x]/).map(Number);
  if (parts.length !== 3 || parts.some((part) => !Number.isFinite(part) || part <= 0)) {
    throw new UsageError(`--${name} must be three positive numbers such as 160,160,64, not "${text}"`);
  }
  return parts as [number, number, number];
}

/** The text of an option, or undefined. */
export function textOption(args: Arguments, name: string): string | undefined {
  const value = args.values[name];
  return typeof value === 'string' ? value : undefined;
}

/** All texts of a repeatable option. */
export function listOption(args: Arguments, name: string): string[] {
  const value = args.values[name];
  return (Array.isArray(value) ? value : []).filter((item): item is string => typeof item === 'string');
}

/** Tells a person something beside the result of a command, on a line. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Tells which of several things failed, where some did, and gives the exit code. */
export function endOfSeveral(total: number, failures: readonly Pick<Failure, 'name'>[]): number {
  if (failures.length === 0) return ExitCode.done;
  say(describeFailures(total, failures));
  return ExitCode.failed;
}

/** The option of commands that write where a person says. */
export const FORCE_OPTION = { force: { type: 'boolean' } } as const;

/** The option of commands that read labels. */
export const LABELS_OPTION = { 'labels-on-image-grid': { type: 'boolean' } } as const;

/** The help of {@link LABELS_OPTION}. */
export const LABELS_HELP =
  '  --labels-on-image-grid\n' +
  '                     takes labels of the size of their image voxel by voxel where their affine puts them elsewhere\n' +
  '                     (masks that were saved without one); the same as --set data.labelsOnImageGrid=true\n';

/** The overrides of a config that are given as `--set` or as an option of their own. */
export function overridesOf(args: Arguments): string[] {
  const own = args.values['labels-on-image-grid'] === true ? ['data.labelsOnImageGrid=true'] : [];
  return [...own, ...listOption(args, 'set')];
}

/** The only positional argument, or a usage error that says what it is. */
export function onlyPositional(command: Command, args: Arguments, what: string): string {
  if (args.positionals.length !== 1) {
    const got = args.positionals.length === 0 ? 'missing' : 'given more than once';
    throw new UsageError(`voco ${command.name}: ${what} is ${got}; usage: ${command.usage}`);
  }
  return args.positionals[0]!;
}
