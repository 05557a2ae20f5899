import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { fileError, UserError } from '../errors/userError';
import { makeFolder } from '../files/folders';
import type { NodeRuntime } from './nodeRuntime';

/** What to run `voco` with. */
export interface Program {
  readonly node: NodeRuntime;
  /** The bundled command line, `dist/voco.cjs`. */
  readonly script: string;
  /** The environment of this process; what belongs to the editor alone is left out. */
  readonly env: NodeJS.ProcessEnv;
}

/** Variables that would change how another Node behaves, or hand it the editor's private channels. */
const EDITOR_VARIABLES = /^(VSCODE_|ELECTRON_|CHROME_|NODE_OPTIONS$|NODE_CHANNEL_FD$|NODE_UNIQUE_ID$)/;

function environment(program: Program): NodeJS.ProcessEnv {
  const kept = Object.entries(program.env).filter(([name]) => !EDITOR_VARIABLES.test(name));
  return { ...Object.fromEntries(kept), ...program.node.env };
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DetachedProcess {
  readonly pid: number;
  /** Settles only while this process lives; the other one does not depend on it. */
  readonly ended: Promise<Ended>;
}

function started(child: ChildProcess, program: Program): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid!));
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new UserError(`${program.node.command}: cannot be started: ${error.code ?? error.message}`, 1, {
          cause: error,
        }),
      );
    });
  });
}

/**
 * Starts `voco` as a process of its own that outlives this one: in its own session, with everything it prints appended to
 * a file.
 *
 * @throws UserError when the program or the output file cannot be opened.
 */
export async function startDetached(
  program: Program,
  args: readonly string[],
  options: { readonly cwd: string; readonly output: string },
): Promise<DetachedProcess> {
  let output: number;
  try {
    await makeFolder(dirname(options.output));
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants;
    output = openSync(options.output, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW);
  } catch (error) {
    throw fileError(error, options.output, 'write the file');
  }
  try {
    const child = spawn(program.node.command, [program.script, ...args], {
      cwd: options.cwd,
      env: environment(program),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', output, output],
    });
    const ended = new Promise<Ended>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: null, signal: null }));
    });
    const pid = await started(child, program);
    child.unref();
    return { pid, ended };
  } finally {
    closeSync(output);
  }
}

/**
 * Starts a `voco` command with its standard input, output and error as pipes. It is the caller's to end.
 *
 * @throws UserError when the program cannot be started.
 */
export async function startPiped(program: Program, args: readonly string[], cwd?: string): Promise<ChildProcess> {
  const child = spawn(program.node.command, [program.script, ...args], {
    cwd,
    env: environment(program),
    windowsHide: true,
    stdio: 'pipe',
  });
  await started(child, program);
  return child;
}

export interface ToolOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Every line written to standard error; a progress bar redraws its line with carriage returns. */
  readonly onMessage?: (line: string) => void;
}

export interface ToolResult extends Ended {
  readonly output: string;
  readonly messages: string;
}

const MESSAGES_KEPT = 64 * 1024;

/**
 * Runs a short `voco` command to its end and returns what it printed. A command that fails is no exception here: its exit
 * code says so.
 *
 * @throws UserError when the program cannot be started; AbortError when cancelled, after the process is gone.
 */
export async function runTool(
  program: Program,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const child = spawn(program.node.command, [program.script, ...args], {
    cwd: options.cwd,
    env: environment(program),
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const cancel = (): void => void child.kill('SIGTERM');
  options.signal?.addEventListener('abort', cancel, { once: true });
  const output: Buffer[] = [];
  let messages = '';
  let line = '';
  const decoder = new StringDecoder('utf8');
  child.stdout.on('data', (data: Buffer) => output.push(data));
  child.stderr.on('data', (data: Buffer) => {
    const text = decoder.write(data);
    messages = (messages + text).slice(-MESSAGES_KEPT);
    const lines = (line + text).split(/[\r\n]+/);
    line = lines.pop() ?? '';
    for (const one of lines) if (one.trim() !== '') options.onMessage?.(one);
  });
  const closed = new Promise<Ended>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  try {
    await started(child, program);
    if (options.signal?.aborted) cancel();
    const ended = await closed;
    options.signal?.throwIfAborted();
    return { ...ended, output: Buffer.concat(output).toString('utf8'), messages };
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}
