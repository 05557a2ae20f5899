#!/usr/bin/env node
import process from 'node:process';
import type { ConfigError } from '../config';
import { ExitCode, fileError, UsageError, UserError } from '../errors/userError';
import { closest } from '../errors/closest';
import { removeOnSignals } from '../files/temporary';
import { parseCommandLine, type Command } from './command';
import { commands } from './commands';
import { keepPrintable } from './terminal';

const VERSION_FLAGS = new Set(['--version', '-V']);
const HELP_FLAGS = new Set(['--help', '-h', 'help']);

function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length)) + 2;
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}${command.summary}`);
  return [
    'voco: self-supervised pre-training on 3D medical images',
    '',
    'usage: voco COMMAND …',
    '',
    ...lines,
    '',
    'voco COMMAND --help shows the options of a command. Exit codes: 0 done, 1 failed, 2 wrong usage or config, 130 interrupted.',
    '',
  ].join('\n');
}

function help(command: Command): string {
  return [`usage: ${command.usage}`, '', command.summary, ...(command.details ? ['', command.details] : []), ''].join(
    '\n',
  );
}

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || HELP_FLAGS.has(name)) {
    process.stdout.write(overview());
    return name === undefined ? ExitCode.usage : ExitCode.done;
  }
  if (VERSION_FLAGS.has(name)) {
    const { version } = await import('../text/version');
    process.stdout.write(`${version}\n`);
    return ExitCode.done;
  }
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) {
    const names = commands.map((candidate) => candidate.name);
    const suggestion = closest(name, names);
    throw new UsageError(
      `voco: unknown command "${name}"; ${suggestion ? `did you mean "${suggestion}"?` : `commands: ${names.join(', ')}`}`,
    );
  }
  const args = parseCommandLine(command, rest);
  if (args.values.help) {
    process.stdout.write(help(command));
    return ExitCode.done;
  }
  return command.run(args);
}

/** Who names a device that does not exist wants to know which there are, and what a GPU needs. */
async function tellDevices(): Promise<void> {
  const { listDevices } = await import('../tensor/backends');
  const { deviceLines } = await import('./commands/devices');
  process.stderr.write(`devices of this machine:\n${deviceLines(await listDevices()).join('\n')}\n`);
}

async function report(error: unknown): Promise<number> {
  if (error instanceof UserError) {
    process.stderr.write(`${error.message}\n`);
    if (error.name === 'ConfigError' && (error as ConfigError).keys.includes('device'))
      await tellDevices().catch(() => undefined);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`voco: internal error; please report it with this text:\n${text}\n`);
  return ExitCode.failed;
}

/** Ends the process when its output cannot be written. A reader that closes its end early (`voco info … | head`) is no failure. */
function endWithoutOutput(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(ExitCode.done);
  process.stderr.write(`${fileError(error, 'standard output', 'write the result').message}\n`);
  process.exit(ExitCode.failed);
}

process.stdout.on('error', endWithoutOutput);
// A terminal that has gone must not end a run: messages are also in its log.
process.stderr.on('error', () => undefined);

keepPrintable(process.stdout);
keepPrintable(process.stderr);

/** Ends the process (open worker threads and devices would keep it alive) once standard output is written. */
function leave(code: number): void {
  process.stdout.write('', (error) => (error ? endWithoutOutput(error) : process.exit(code)));
}

removeOnSignals();
run(process.argv.slice(2)).then(leave, (error: unknown) => report(error).then(leave));
