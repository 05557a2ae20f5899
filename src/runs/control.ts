import { chmod, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, UserError } from '../errors/userError';
import {
  TRAINER_COMMANDS,
  type TrainerCommand,
  type TrainerReply,
  type TrainerRequest,
  type TrainerStatus,
} from '../protocol/trainer';
import { readRunState } from './runDirectory';
import { controlAddress, controlAddresses, isAddressOf, prepareAddress } from './socketAddress';

const MAX_LINE = 65_536;

/** Calls back for each line; a line beyond the limit ends the connection. */
function onLines(socket: Socket, receive: (line: string) => void): void {
  let pending = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop()!;
    if (pending.length > MAX_LINE) return void socket.destroy();
    for (const line of lines) if (line.trim() !== '') receive(line);
  });
}

export type CommandHandler = (command: TrainerCommand) => Promise<TrainerStatus> | TrainerStatus;

async function answer(line: string, handle: CommandHandler): Promise<TrainerReply> {
  let id = 0;
  try {
    const request = JSON.parse(line) as Partial<TrainerRequest> | null;
    if (Number.isSafeInteger(request?.id)) id = request!.id!;
    const command = TRAINER_COMMANDS.find((known) => known === request?.command);
    if (!command) throw new UserError(`unknown command; known are ${TRAINER_COMMANDS.join(', ')}`);
    return { id, ok: true, status: await handle(command) };
  } catch (error) {
    const message = error instanceof SyntaxError ? 'a request must be one line of JSON' : (error as Error).message;
    return { id, ok: false, error: message };
  }
}

/** The trainer's end of the control socket. */
export class ControlServer {
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly address: string,
    private readonly server: Server,
  ) {}

  /**
   * Listens for commands to a run. A socket that a dead trainer left behind is replaced.
   *
   * @param patienceMs how long a live trainer may still listen there.
   * @throws UserError when it listens longer.
   */
  static async start(runDir: string, handle: CommandHandler, patienceMs = PATIENCE_MS): Promise<ControlServer> {
    const server = createServer();
    const address = await listenSomewhere(server, runDir, patienceMs);
    const control = new ControlServer(address, server);
    server.on('connection', (socket) => control.serve(socket, handle));
    // Only this user may steer the run.
    if (process.platform !== 'win32') await chmod(address, 0o600).catch(() => undefined);
    // The socket alone must not keep the process alive.
    server.unref();
    return control;
  }

  private serve(socket: Socket, handle: CommandHandler): void {
    this.sockets.add(socket);
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    onLines(socket, (line) => {
      void answer(line, handle).then((reply) => {
        if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
      });
    });
  }

  /** Stops listening and removes the socket; replies that are under way are sent first. */
  async close(): Promise<void> {
    // Waiting for handles that do not keep the process alive would let it end before what follows.
    this.server.ref();
    for (const socket of this.sockets) socket.ref();
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    for (const socket of this.sockets) socket.destroySoon();
    await closed;
  }
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(address, () => {
      server.off('error', fail);
      done();
    });
  });
}

/** Listens in the run's folder, or in a private one where the file system has no sockets or the path is too long for one. */
async function listenSomewhere(server: Server, runDir: string, patienceMs: number): Promise<string> {
  let failure: unknown = new UserError(`${runDir}: no folder has a path short enough for the control socket`);
  for (const address of controlAddresses(runDir)) {
    try {
      await prepareAddress(runDir, address);
      await listen(server, address);
      return address;
    } catch (error) {
      failure = error;
    }
    if ((failure as NodeJS.ErrnoException).code !== 'EADDRINUSE') continue;
    if (!(await fallsSilent(address, patienceMs)))
      throw new UserError(`${runDir}: another trainer works in this run folder`);
    await unlink(address).catch(() => undefined);
    await listen(server, address).catch((error: unknown) => {
      throw fileError(error, address, 'open the control socket');
    });
    return address;
  }
  throw fileError(failure, controlAddress(runDir), 'open the control socket');
}

/** A trainer that has lost the run to this one stops when it next looks: until then it may still listen. */
const PATIENCE_MS = 30_000;

async function fallsSilent(address: string, patienceMs: number): Promise<boolean> {
  for (const end = performance.now() + patienceMs; await answers(address);) {
    if (performance.now() > end) return false;
    await sleep(200);
  }
  return true;
}

function answers(address: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/**
 * Sends one command to the trainer of a run and waits for its reply.
 *
 * @throws UserError when no trainer listens, it refuses, or does not answer in time (default 10 s).
 */
export async function sendCommand(
  runDir: string,
  command: TrainerCommand,
  options: { timeoutMs?: number } = {},
): Promise<TrainerStatus> {
  const state = await readRunState(runDir).catch(() => undefined);
  const told = state?.control;
  const address = told !== undefined && (await isAddressOf(runDir, told)) ? told : controlAddress(runDir);
  const reply = await exchange(runDir, address, { id: 1, command }, options.timeoutMs ?? 10_000);
  if (!reply.ok) throw new UserError(`${runDir}: ${command}: ${reply.error}`);
  return reply.status;
}

function exchange(runDir: string, address: string, request: TrainerRequest, timeoutMs: number): Promise<TrainerReply> {
  return new Promise((done, fail) => {
    const socket = connect(address);
    const timer = setTimeout(() => end('the trainer does not answer'), timeoutMs);
    const end = (reason: string) => {
      clearTimeout(timer);
      socket.destroy();
      fail(new UserError(`${runDir}: ${request.command}: ${reason}`));
    };
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('error', () => end('no trainer listens; the run is not active, or on another machine'));
    socket.on('close', () => end('the trainer closed the connection'));
    onLines(socket, (line) => {
      let reply: TrainerReply;
      try {
        reply = JSON.parse(line) as TrainerReply;
      } catch {
        return end('the trainer sent something that is not JSON');
      }
      if (reply.id !== request.id) return;
      clearTimeout(timer);
      done(reply);
      socket.removeAllListeners('close');
      socket.end();
    });
  });
}
