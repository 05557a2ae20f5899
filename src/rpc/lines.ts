import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { UserError } from '../errors/userError';
import type { Calls, Methods } from './contract';
import { isRecord } from './messages';
import { serve } from './server';
import { ClosedError, type Transport } from './transport';

/** A message is a line of JSON. Any other line arrives as its text. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

function hear(input: Readable, listener: (message: unknown) => void): void {
  createInterface({ input }).on('line', (line) => {
    if (line.trim() !== '') listener(parse(line));
  });
}

/** Lines of JSON with the process on the other side of two streams; closed when `input` ends. */
export function lineTransport(input: Readable, output: Writable): Transport {
  return {
    send: (message) => void output.write(`${JSON.stringify(message)}\n`),
    onMessage: (listener) => hear(input, listener),
    onClose: (listener) => void input.once('close', () => listener(new ClosedError('the other process has gone'))),
    close: () => void input.destroy(),
    get congested() {
      return output.writableNeedDrain;
    },
  };
}

/**
 * Lines of JSON with a program that was started for it, over its standard input and output. When it dies, the reason is the
 * last line that it wrote to standard error.
 *
 * @param without the reason where it wrote none
 */
export function processTransport(child: ChildProcess, without: string): Transport {
  let lastWords = '';
  createInterface({ input: child.stderr! }).on('line', (line) => (lastWords = line));
  // Writing to a program that has just died fails here; its exit gives the reason.
  child.stdin!.on('error', () => undefined);
  return {
    send: (message) => void child.stdin!.write(`${JSON.stringify(message)}\n`),
    onMessage: (listener) => hear(child.stdout!, listener),
    onClose: (listener) => void child.once('close', () => listener(new UserError(lastWords || without))),
    close: () => void child.kill('SIGKILL'),
    get congested() {
      return child.stdin!.writableNeedDrain;
    },
  };
}

/**
 * Answers calls by lines of JSON until `input` ends; what is then still being answered is cancelled. The parameters of each
 * call must be an object.
 */
export async function serveLines<C extends Calls<C>>(
  methods: Methods<C>,
  input: Readable,
  output: Writable,
): Promise<void> {
  const checked = Object.entries(methods as Methods<Record<string, { params: unknown; result: unknown }>>).map(
    ([name, method]) => [
      name,
      (params: unknown, context: Parameters<typeof method>[1]) => {
        if (!isRecord(params)) throw new TypeError(`${name} needs an object as its parameters`);
        return method(params, context);
      },
    ],
  );
  const ended = new Promise((resolve) => input.once('end', resolve).once('close', resolve));
  const server = serve(Object.fromEntries(checked) as Methods<C>, lineTransport(input, output));
  await ended;
  await server.stop();
}
