import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { aliveFile, ALIVE_FILE, runFiles } from './files';
import { thisMachine } from '../machine/place';
import { processStartTime } from '../machine/process';
import { sealFits, sealOf } from './seal';

/** How often a process that works on a run says that it lives. */
export const BEAT_MS = 5000;

const OWNED = 0;
const TAKEN = 1;
const GONE = 2;

/**
 * Runs in a thread of its own, since a kernel can keep the main thread for minutes. Every few seconds it counts on in the file
 * of the owner, unless another owner or none is named: then it says so and ends.
 */
const BEAT = `
const { readFileSync, openSync, writeSync, closeSync } = require('node:fs');
const { owner, token, alive, every, shared } = require('node:worker_threads').workerData;
const state = new Int32Array(shared);
let count = 0;
const timer = setInterval(() => {
  try {
    if (JSON.parse(readFileSync(owner, 'utf8')).token !== token) return end(${TAKEN});
    const file = openSync(alive, 'r+');
    writeSync(file, String(++count).padStart(12, '0'), 0);
    closeSync(file);
  } catch (error) {
    // A disk that does not answer for a while is not a run that was taken.
    if (error.code === 'ENOENT') end(${GONE});
  }
}, every);
function end(why) {
  Atomics.store(state, 0, why);
  clearInterval(timer);
}
`;

/** The process that owner.json names. */
export interface Owner {
  readonly token: string;
  readonly host: string;
  readonly machine: string;
  readonly pid: number;
  readonly pidStart: string;
  readonly seal?: string;
}

const sealedFields = ({ token, host, machine, pid, pidStart }: Owner): readonly unknown[] => [
  token,
  host,
  machine,
  pid,
  pidStart,
];

/** Whether a process of this user wrote owner.json, in this directory. */
export function isOwnOwner(runDir: string, owner: Owner): Promise<boolean> {
  return sealFits(owner.seal, runDir, 'owner', sealedFields(owner));
}

/** The owner of a run; undefined when nobody is named, or the file cannot be read. */
export async function readOwner(runDir: string): Promise<Owner | undefined> {
  try {
    const value = parseJson(await readPlainText(runFiles(runDir).owner)) as Partial<Owner> | null;
    return typeof value?.token === 'string' && /^[\w-]+$/.test(value.token) ? (value as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The right of one process to write into a run directory, kept in the directory itself, so that it holds between machines that
 * share a disk. `owner.json` names the owner; the owner counts on in `alive-<token>` while it lives. Whoever takes a run over
 * writes another name: the process before sees it, stops, and writes nothing any more.
 */
export class Ownership {
  private readonly state = new Int32Array(new SharedArrayBuffer(4));
  private readonly token = randomUUID();
  private worker: Worker | undefined;

  private constructor(private readonly runDir: string) {}

  /** Makes this process the owner, whoever was it before. The caller holds the lock of claims. */
  static async take(runDir: string, beatMs = BEAT_MS): Promise<Ownership> {
    const ownership = new Ownership(runDir);
    const { token } = ownership;
    await removeSigns(runDir);
    await writeFileAtomically(aliveFile(runDir, token), '0'.padStart(12, '0'));
    const pidStart = (await processStartTime(process.pid)) ?? '';
    const owner: Owner = { token, host: hostname(), machine: await thisMachine(), pid: process.pid, pidStart };
    // Without a key the run is told by its signs of life alone.
    const seal = await sealOf(runDir, 'owner', sealedFields(owner)).catch(() => undefined);
    await writeFileAtomically(runFiles(runDir).owner, `${JSON.stringify({ ...owner, seal })}\n`);
    ownership.start(beatMs);
    return ownership;
  }

  private start(every: number): void {
    const { runDir, token, state } = this;
    const workerData = {
      owner: runFiles(runDir).owner,
      alive: aliveFile(runDir, token),
      token,
      every,
      shared: state.buffer,
    };
    this.worker = new Worker(BEAT, { eval: true, workerData, stdin: false, stdout: false, stderr: false });
    // Without it others think that this process is dead, and it finds out at its next write.
    this.worker.on('error', () => undefined);
    this.worker.unref();
  }

  /**
   * Refuses to go on when another process has taken the run over, or its directory has gone.
   *
   * @throws UserError
   */
  async check(): Promise<void> {
    if (Atomics.load(this.state, 0) === OWNED) {
      const owner = await readOwner(this.runDir);
      if (owner?.token === this.token) return;
      // A file that cannot be read at this moment is not one that names another owner.
      if (!owner && (await exists(runFiles(this.runDir).owner))) return;
      Atomics.store(this.state, 0, owner ? TAKEN : GONE);
    }
    throw await this.loss();
  }

  /** The same without a look at the disk: what the thread has seen a few seconds ago at most. */
  async quickCheck(): Promise<void> {
    if (Atomics.load(this.state, 0) !== OWNED) throw await this.loss();
  }

  private async loss(): Promise<UserError> {
    const owner = await readOwner(this.runDir);
    if (!owner && (await exists(runFiles(this.runDir).state))) {
      return new UserError(
        `${this.runDir}: another process has taken this run over; this trainer stops and writes nothing more`,
      );
    }
    if (!owner) {
      return new UserError(
        `${this.runDir}: the run directory was moved or deleted; the trainer stops and does not make it anew`,
      );
    }
    return new UserError(
      `${this.runDir}: process ${owner.pid} on ${owner.host} has taken this run over; this trainer stops and writes nothing more`,
    );
  }

  /** Ends the right; what others see is that nobody owns the run. */
  async release(): Promise<void> {
    await this.worker?.terminate();
    this.worker = undefined;
    if ((await readOwner(this.runDir))?.token !== this.token) return;
    await unlink(runFiles(this.runDir).owner).catch(() => undefined);
    await unlink(aliveFile(this.runDir, this.token)).catch(() => undefined);
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );

/** Removes the signs of life of owners before. */
async function removeSigns(runDir: string): Promise<void> {
  const names = await readdir(runDir);
  const old = names.filter((name) => ALIVE_FILE.test(name));
  await Promise.all(old.map((name) => unlink(join(runDir, name)).catch(() => undefined)));
}

/** The files that a living process writes. */
export async function filesOfLife(runDir: string): Promise<string[]> {
  const { state, metrics } = runFiles(runDir);
  const owner = await readOwner(runDir);
  return [state, metrics, ...(owner ? [aliveFile(runDir, owner.token)] : [])];
}

/**
 * What changes in a run directory while its process lives: the count of its owner, the heartbeat, the length of the metrics. It
 * says nothing by itself; two looks that differ show life, without any clock being compared with that of another machine.
 */
export async function signOfLife(runDir: string, heartbeat: string | undefined): Promise<string> {
  const owner = await readOwner(runDir);
  // Reading, unlike asking for the time of a change, makes a network disk look at the server.
  const count = owner ? await readFile(aliveFile(runDir, owner.token), 'utf8').catch(() => '') : '';
  const size = await stat(runFiles(runDir).metrics).then(
    (info) => info.size,
    () => 0,
  );
  return [owner?.token ?? '', count, heartbeat ?? '', size].join(' ');
}
