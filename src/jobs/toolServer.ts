import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { UserError } from '../errors/userError';
import type { InspectMessage, InspectReply, Progress } from '../protocol/locate';
import { startPiped, type Program } from './process';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A `voco` command that stays and answers calls by lines of JSON. It is started at the first call, and anew after it has died. */
export class ToolServer {
  private child: Promise<ChildProcess> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private lastWords = '';
  private disposed = false;

  constructor(
    private readonly program: () => Promise<Program>,
    private readonly args: () => readonly string[],
  ) {}

  /** @throws UserError when the program cannot be started, dies, or says so; AbortError when cancelled. */
  async call(method: string, request: unknown, { signal, onProgress }: CallOptions = {}): Promise<unknown> {
    if (this.disposed) throw new UserError('The program that asks the network was closed.');
    const id = (this.lastId += 1);
    const child = await (this.child ??= this.start());
    signal?.throwIfAborted();
    const send = (message: InspectMessage): void => void child.stdin!.write(`${JSON.stringify(message)}\n`);
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.waiting.delete(id);
        send({ cancel: id });
        reject(signal!.reason as Error);
      };
      const done = (): void => signal?.removeEventListener('abort', cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      this.waiting.set(id, {
        resolve: (value) => (done(), resolve(value)),
        reject: (error) => (done(), reject(error)),
        onProgress,
      });
      send({ id, method, params: [request] });
    });
  }

  dispose(): void {
    this.disposed = true;
    void this.child?.then(
      (child) => child.kill('SIGKILL'),
      () => undefined,
    );
  }

  private async start(): Promise<ChildProcess> {
    try {
      const child = await startPiped(await this.program(), this.args());
      if (this.disposed) child.kill('SIGKILL');
      // Writing to a program that has just died fails here; its end tells the reason.
      child.stdin!.on('error', () => undefined);
      createInterface({ input: child.stdout! }).on('line', (line) => this.receive(line));
      createInterface({ input: child.stderr! }).on('line', (line) => (this.lastWords = line));
      child.once('close', () => this.end());
      return child;
    } catch (error) {
      this.child = undefined;
      throw error;
    }
  }

  private receive(line: string): void {
    // Libraries may print lines of their own.
    if (!line.startsWith('{')) return;
    const reply = JSON.parse(line) as InspectReply;
    const call = this.waiting.get(reply.id);
    if ('progress' in reply) return call?.onProgress?.(reply.progress);
    this.waiting.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(reply.error.user ? new UserError(reply.error.message) : new Error(reply.error.message));
  }

  private end(): void {
    this.child = undefined;
    const error = new UserError(this.lastWords || 'The program that asks the network ended unexpectedly.');
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
