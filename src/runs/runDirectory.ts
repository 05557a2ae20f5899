import { appendFile, lstat, mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { fileError, UsageError, UserError } from '../errors/userError';
import type { Activity } from '../protocol/trainer';
import { writeFileAtomically } from '../files/atomic';
import { makeFolder } from '../files/folders';
import { exists, firstExisting } from '../files/kinds';
import { runFiles } from './files';
import { givesSigns, processIsAlive, saysActive, WATCH_MS, type NamedProcess } from './liveness';
import { withLock } from './lock';
import { isHere, thisMachine, type Place } from '../machine/place';
import { encodeNumber } from './numbers';
import { isOwnOwner, Ownership, readOwner, signOfLife } from './ownership';
import { processStartTime } from '../machine/process';
import { sealFits, sealOf } from './seal';
import { readableFields } from './stateFields';

export const RUN_KINDS = ['pretrain', 'finetune', 'evaluate', 'segment', 'study'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

export const RUN_PHASES = [
  'queued',
  'starting',
  'running',
  'pausing',
  'paused',
  'stopping',
  'finished',
  'failed',
  'interrupted',
] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

/** run.json: what a run is and how it stands. Times are ISO 8601 in UTC. */
export interface RunState {
  readonly format: 1;
  readonly name: string;
  readonly kind: RunKind;
  readonly state: RunPhase;
  /** What it is at besides whole steps; while it is pausing or stopping, what that waits for. */
  readonly activity?: Activity;
  /** Optimizer steps done, and of how many. */
  readonly step: number;
  readonly totalSteps: number;
  readonly created: string;
  /** The process and when it started in the machine's own words (see processStartTime); absent before it starts. */
  readonly pid?: number;
  readonly pidStart?: string;
  readonly host?: string;
  /** See thisMachine; absent in runs of older versions. */
  readonly machine?: string;
  readonly started?: string;
  readonly ended?: string;
  /** When the process last wrote this file. */
  readonly heartbeat?: string;
  readonly loss?: number;
  /** The main scores on held-out cases, measured last: `{ "dice": 0.81 }`. */
  readonly heldOut?: Readonly<Record<string, number>>;
  /** Cases that it leaves out because they are bad. */
  readonly skipped?: number;
  readonly device?: string;
  readonly versions?: Readonly<Record<string, string>>;
  /** Address of the control socket or pipe. */
  readonly control?: string;
  /** One line: why the run failed or stopped. */
  readonly exitReason?: string;
  /** Checkpoint or import that the weights started from. */
  readonly initFrom?: string;
  /** What a fine-tuning trains when: its schedule in a few words. */
  readonly schedule?: string;
  /** Steps of the checkpoints that the run was resumed from. */
  readonly resumedAt?: readonly number[];
  /** The config file the run was started from. */
  readonly configFile?: string;
  /** Made by the user whose run it is: see {@link isOwnRun}. */
  readonly seal?: string;
  /** What was changed in the config since the run began, and at which step. */
  readonly changes?: readonly ConfigChange[];
}

/** Settings that a resume changed: the value before and after, by path. */
export interface ConfigChange {
  readonly step: number;
  readonly time: string;
  readonly settings: Readonly<Record<string, readonly [unknown, unknown]>>;
}

export type RunStatePatch = Partial<Omit<RunState, 'format' | 'name' | 'kind' | 'created'>>;

export interface NewRun {
  /** The folder that runs are made in. */
  readonly root: string;
  readonly name: string;
  readonly kind: RunKind;
  /** The resolved config. */
  readonly config: unknown;
  readonly totalSteps: number;
  readonly configFile?: string;
  readonly initFrom?: string;
  readonly now?: Date;
}

function stamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

async function makeUniqueFolder(root: string, name: string): Promise<string> {
  await makeFolder(root);
  for (let attempt = 1; ; attempt++) {
    const folder = join(root, attempt === 1 ? name : `${name}-${attempt}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Writes the config and a fresh state into an existing folder, which becomes a run directory in state `queued`. */
async function initializeRun(runDir: string, run: NewRun, by: NamedProcess & Place = {}): Promise<void> {
  const files = runFiles(runDir);
  const state: RunState = {
    format: 1,
    name: run.name,
    kind: run.kind,
    state: 'queued',
    step: 0,
    totalSteps: run.totalSteps,
    created: (run.now ?? new Date()).toISOString(),
    ...by,
    ...(run.configFile !== undefined && { configFile: run.configFile }),
    ...(run.initFrom !== undefined && { initFrom: run.initFrom }),
  };
  // The state first: a folder with a config alone would not be known for a run.
  await writeState(runDir, await sealed(runDir, state));
  await writeFileAtomically(files.config, `${JSON.stringify(run.config, null, 2)}\n`);
}

/** What the seal of a run holds for: which run it is, and which process may be told to stop in its name. */
const sealedFields = ({ name, kind, created, pid, pidStart, host, machine }: RunState): readonly unknown[] => [
  name,
  kind,
  created,
  pid ?? null,
  pidStart ?? '',
  host ?? '',
  machine ?? '',
];

/** Marks a run as this user's own. Where the home can hold no key it stays without a mark, and is only shown by others. */
async function sealed(runDir: string, state: RunState, say?: (text: string) => void): Promise<RunState> {
  const { seal: _, ...plain } = state;
  try {
    return { ...plain, seal: await sealOf(runDir, 'run', sealedFields(plain)) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say?.(`${error.message}; without it the editor shows this run, but cannot control it`);
    return plain;
  }
}

/**
 * Whether this user made or resumed the run in this directory. One that was copied, moved, unpacked or cloned to where it is, or
 * that an older version or another user made, is not: nothing in it is started by itself, and the process that it names gets no
 * signal. Resuming it makes it an own run.
 */
export function isOwnRun(runDir: string, state: RunState): Promise<boolean> {
  return sealFits(state.seal, runDir, 'run', sealedFields(state));
}

/**
 * Makes `<root>/<name>-<stamp>/` with config.json and run.json (state `queued`). The name is unique even when several are
 * made in the same second.
 *
 * @returns the absolute path of the run directory.
 * @throws UserError when the folder cannot be written.
 */
export async function createRun(run: NewRun): Promise<string> {
  const root = resolve(run.root);
  try {
    const runDir = await makeUniqueFolder(root, `${run.name}-${stamp(run.now ?? new Date())}`);
    await initializeRun(runDir, run);
    return runDir;
  } catch (error) {
    throw fileError(error, root, 'make a run folder');
  }
}

/** Names of a run directory that a person may have made otherwise, and that a run would replace. */
const WRITTEN = [
  ...(['config', 'metrics', 'plot', 'checkpoints', 'init', 'cases', 'skipped', 'results', 'resultsTable'] as const),
  ...(['predictions', 'study', 'studyTable'] as const),
] as const;

/**
 * Refuses a directory that a new run cannot have: it holds a run, another process is beginning one there, or files of the same names lie
 * there that are of no run.
 *
 * @throws UsageError
 */
export async function refuseForNewRun(runDir: string): Promise<void> {
  const files = runFiles(runDir);
  if (!(await exists(files.state))) {
    const taken = await firstExisting(WRITTEN.map((name) => files[name]));
    if (taken) throw new UsageError(`${taken}: is there already and of no run; name another folder with --run`);
    return;
  }
  const state = await readRunState(runDir);
  if (state.state !== 'queued')
    throw new UsageError(`${runDir}: already contains a run (${state.state}); add --resume to continue it`);
  const own = state.pid === process.pid && (await isHere(state));
  if (state.pid === undefined || own) return;
  if (!(await isHere(state)) || (await processIsAlive(state)))
    throw new UsageError(
      `${runDir}: process ${state.pid} on ${state.host} is beginning a run there; name another folder, or add --resume if that one has ended`,
    );
}

/**
 * Makes a directory that a person named a run directory in state `queued`. Of several processes that try at once, one succeeds.
 *
 * @throws UsageError see {@link refuseForNewRun}
 */
export async function initializeNamedRun(runDir: string, run: NewRun): Promise<void> {
  await makeFolder(runDir).catch((error: unknown) => {
    throw fileError(error, runDir, 'make the run folder');
  });
  const by = { ...(await thisProcess()), host: hostname(), machine: await thisMachine() };
  await withLock(runFiles(runDir).claimLock, async () => {
    await refuseForNewRun(runDir);
    await initializeRun(runDir, run, by);
  });
}

async function thisProcess(): Promise<Required<NamedProcess>> {
  return { pid: process.pid, pidStart: (await processStartTime(process.pid)) ?? '' };
}

async function writeState(runDir: string, state: RunState): Promise<void> {
  const plain = { ...state, ...(state.loss !== undefined && { loss: encodeNumber(state.loss) }) };
  await writeFileAtomically(runFiles(runDir).state, `${JSON.stringify(plain, null, 2)}\n`);
}

/** Reads run.json. @throws UserError when it is missing or malformed. */
export async function readRunState(runDir: string): Promise<RunState> {
  const file = runFiles(runDir).state;
  const text = await readPlainText(file).catch((error: unknown) => {
    throw fileError(error, file, 'read the state of the run');
  });
  const value = parseObject(text);
  const known = RUN_PHASES.includes(value?.state as RunPhase) && RUN_KINDS.includes(value?.kind as RunKind);
  const { name, created, step } = value ?? {};
  const named = typeof name === 'string' && typeof created === 'string' && Number.isFinite(Date.parse(created));
  if (value?.format !== 1 || !known || !named || !Number.isSafeInteger(step) || (step as number) < 0) {
    throw new UserError(`${file}: not the state of a run that this version can read`);
  }
  return { totalSteps: 0, ...readableFields(value) } as unknown as RunState;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parseJson(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the resolved config of a run. @throws UserError when it is missing or not JSON. */
export async function readRunConfig(runDir: string): Promise<unknown> {
  const file = runFiles(runDir).config;
  try {
    return parseJson(await readPlainText(file)) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${file}: not JSON: ${error.message}`);
    throw fileError(error, file, 'read the config of the run');
  }
}

/** Keeps a run's run.json up to date. Updates that come while one is being written go into the next write together. */
export class RunStateFile {
  private writing: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private ownership: Ownership | undefined;

  private constructor(
    readonly runDir: string,
    private current: RunState,
  ) {}

  static async open(runDir: string): Promise<RunStateFile> {
    return new RunStateFile(resolve(runDir), await readRunState(runDir));
  }

  get state(): RunState {
    return this.current;
  }

  /**
   * Makes this process the owner of the run. Of several that try at once, one succeeds.
   *
   * @param options.takeOver also takes a run that gives signs of life on another machine; its trainer there then stops
   * @throws UsageError when another live process runs it.
   */
  async claim(patch: RunStatePatch = {}, options: ClaimOptions = {}): Promise<void> {
    const pidStart = (await processStartTime(process.pid)) ?? '';
    const machine = await thisMachine();
    const free = await seeWhetherFree(this.runDir, options);
    await withLock(runFiles(this.runDir).claimLock, async () => {
      const now = await readRunState(this.runDir);
      const holder = await holderOf(this.runDir, now);
      if (holder && (await signOfLife(this.runDir, now.heartbeat)) !== free) {
        // Another process was quicker, or a silent one has spoken.
        if (await isHere(holder)) await refuseLiveRun(this.runDir, options);
        else if (!options.takeOver) throw elsewhere(this.runDir, holder);
      }
      const { exitReason: _, ended: _ended, ...rest } = now;
      await refuseLinks(this.runDir);
      if (now.pid !== undefined && !(await isOwnRun(this.runDir, now)))
        options.say?.(`${this.runDir}: this run comes from elsewhere; it is yours from now on`);
      const me = { pid: process.pid, pidStart, host: hostname(), ...(machine && { machine }) };
      this.current = await sealed(this.runDir, { ...rest, ...me }, options.say);
      this.ownership = await Ownership.take(this.runDir);
      await this.update({ state: 'starting', started: this.current.started ?? new Date().toISOString(), ...patch });
    });
  }

  /** Makes a run that has ended, or never began, this user's own and puts it into the queue. */
  async adopt(): Promise<void> {
    const { pid: _, pidStart: _start, host: _host, machine: _machine, control: _control, ...rest } = this.current;
    this.current = await sealed(this.runDir, rest);
    await this.update({ state: 'queued' });
  }

  /** Refuses to go on when the run belongs to another process now, or its directory has gone. @throws UserError */
  async checkOwned(): Promise<void> {
    await this.ownership?.check();
  }

  /** As {@link checkOwned}, without a look at the disk. */
  async checkOwnedQuickly(): Promise<void> {
    await this.ownership?.quickCheck();
  }

  /** Lets others have the run; nothing more is written by this process. */
  async release(): Promise<void> {
    await this.ownership?.release();
  }

  /** Merges into the state, sets the heartbeat, and resolves when that is on disk. */
  async update(patch: RunStatePatch): Promise<void> {
    this.current = { ...this.current, ...patch, heartbeat: new Date().toISOString() };
    if (!this.writing) return (this.writing = this.write());
    this.next ??= this.writing
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return (this.writing = this.write());
      });
    return this.next;
  }

  private async write(): Promise<void> {
    try {
      await this.checkOwned();
      await writeState(this.runDir, this.current);
    } finally {
      if (!this.next) this.writing = undefined;
    }
  }
}

export interface RunInfo {
  readonly dir: string;
  readonly state: RunState;
}

/** Runs directly under a folder, newest first; folders without run.json are no runs, and unreadable ones are left out. */
export async function listRuns(root: string): Promise<RunInfo[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError(error, root, 'list the runs');
  });
  const folders = entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => join(root, name));
  const runs: RunInfo[] = [];
  const lot = 64;
  for (let at = 0; at < folders.length; at += lot) {
    const states = folders.slice(at, at + lot).map(async (dir) => {
      const state = await readRunState(dir).catch(() => undefined);
      return state ? [{ dir: resolve(dir), state }] : [];
    });
    runs.push(...(await Promise.all(states)).flat());
  }
  return runs.sort((a, b) => b.state.created.localeCompare(a.state.created) || a.dir.localeCompare(b.dir));
}

export interface ClaimOptions {
  /** Takes a run over although its process, on another machine, gives signs of life. */
  readonly takeOver?: boolean;
  /** How long such a run is watched for signs of life, in milliseconds. */
  readonly watchMs?: number;
  /** Told that a run of another machine is watched, which takes some seconds. */
  readonly say?: (text: string) => void;
}

interface Holder extends NamedProcess, Place {
  /** Whether this user's own process wrote it, so that its number means something here. */
  readonly trusted: boolean;
}

/** The process that works on a run as far as files tell: its owner, or the one in run.json where an older version runs it. */
async function holderOf(runDir: string, state: RunState): Promise<Holder | undefined> {
  const owner = await readOwner(runDir);
  if (owner) return { ...owner, trusted: await isOwnOwner(runDir, owner) };
  return saysActive(state) ? { ...state, trusted: await isOwnRun(runDir, state) } : undefined;
}

/**
 * Refuses a run that another process works on. One of another machine is watched for signs of life for some seconds: its word
 * alone does not tell whether it still lives.
 *
 * @throws UsageError
 */
export async function refuseLiveRun(runDir: string, options: ClaimOptions = {}): Promise<void> {
  const { takeOver = false, watchMs = WATCH_MS, say } = options;
  const state = await readRunState(runDir);
  const holder = await holderOf(runDir, state);
  if (!holder) return;
  const { pid, host } = holder;
  if (await isHere(holder)) {
    if (pid === process.pid || !(await processIsAlive(holder))) return;
    if (holder.trusted)
      throw new UsageError(`${runDir}: this run is active (process ${pid} on ${host}); stop it first`);
    if (takeOver) return;
    // Anyone can have written the number, but a trainer of another user or an older version would be lost.
    throw new UsageError(
      `${runDir}: process ${pid} of this machine, which you did not start, may work on this run; stop it, or add --take-over`,
    );
  }
  if (takeOver) return;
  say?.(`${runDir}: ${host} ran it last; looking for signs of life for ${Math.round(watchMs / 1000)} s`);
  const heartbeat = async () => (await readRunState(runDir)).heartbeat;
  if (await givesSigns(runDir, watchMs, heartbeat)) throw elsewhere(runDir, holder);
}

const elsewhere = (runDir: string, { pid, host }: Holder): UsageError =>
  new UsageError(
    `${runDir}: this run is active (process ${pid} on ${host}); stop it there, or add --take-over: the trainer there then stops without another checkpoint`,
  );

/** @returns the sign of life that a run gave last, which still stands when nobody works on it */
async function seeWhetherFree(runDir: string, options: ClaimOptions): Promise<string> {
  const { heartbeat } = await readRunState(runDir);
  const sign = await signOfLife(runDir, heartbeat);
  await refuseLiveRun(runDir, options);
  return sign;
}

/**
 * Refuses a run in whose place something else would be written: files that a run appends to must lie in its own directory.
 *
 * @throws UserError
 */
export async function refuseLinks(runDir: string): Promise<void> {
  const { log, metrics, output } = runFiles(runDir);
  for (const file of [log, metrics, output]) {
    const info = await lstat(file).catch(() => undefined);
    if (info && !info.isFile())
      throw new UserError(`${file}: a link or no plain file: a run writes only into its own directory; remove it`);
  }
}

/** Appends a line with the time to a run's log.txt. */
export async function appendLog(runDir: string, message: string, now: Date = new Date()): Promise<void> {
  const file = runFiles(runDir).log;
  const text = message.trimEnd().replaceAll('\n', '\n  ');
  await appendFile(file, `${now.toISOString()} ${text}\n`).catch((error: unknown) => {
    throw fileError(error, file, 'write the log');
  });
}

/** Last part of a run's path, which names it in lists. */
export function runLabel(runDir: string): string {
  return basename(resolve(runDir));
}
