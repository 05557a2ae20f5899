import { openRegular } from '../files/regular';
import { isOwnRun, readRunState, runLabel, type RunPhase, type RunState } from '../runs/runDirectory';
import { readLaunch, type Launch } from '../runs/launch';
import { runFiles } from '../runs/files';
import { isAlive, launchIsAlive, SILENCE_LIMIT_MS, LifeSigns } from '../runs/liveness';
import { isHere } from '../machine/place';

/** A run as lists show it: what its directory says, and whether its process is really there. */
export interface RunSummary {
  readonly dir: string;
  readonly label: string;
  readonly state: RunState;
  /** The state to show: a run whose process is gone without having said so has failed. */
  readonly phase: RunPhase;
  /** The trainer is alive, here or elsewhere. */
  readonly live: boolean;
  /** The trainer runs, or would run, on this machine in the name of this user, so that it can be controlled from here. */
  readonly here: boolean;
  /** Why the run is only shown: this user's programs did not make it in this place. Absent for an own run. */
  readonly foreign?: string;
  /** How long a run on another machine has given no sign of life, where that is long enough to be told. */
  readonly silentSeconds?: number;
  /** Its trainer, on this other machine, has fallen silent without having said that it ends. */
  readonly lostOn?: string;
  /** One line: why it failed or stopped. */
  readonly reason?: string;
  /** Only one that this user's programs have written. */
  readonly launch?: Launch;
}

const FOREIGN = 'it was not started by you in this folder (copied, moved, from another user or an older version)';

const ENDED: readonly RunPhase[] = ['finished', 'failed', 'interrupted'];

export const hasEnded = (run: RunSummary): boolean => ENDED.includes(run.phase);

/** A process needs a moment between being started and being known by its number. */
const START_GRACE_MS = 15_000;

type Attempt = 'none' | 'alive' | 'dead';

/**
 * State of the last start from here, until the trainer has claimed the run: until then run.json still
 * describes the time before.
 */
async function pendingStart(state: RunState, launch: Launch | undefined): Promise<Attempt> {
  if (!launch?.startedAt) return 'none';
  const claimed = launch.pid !== undefined && state.pid === launch.pid && state.pidStart === launch.pidStart;
  const before = state.state === 'queued' || (ENDED.includes(state.state) && launch.startedAt > (state.ended ?? ''));
  if (claimed || !before) return 'none';
  if (launch.pid !== undefined) return (await launchIsAlive(launch)) ? 'alive' : 'dead';
  // A clock that was set back since leaves a start in the future.
  return Math.abs(Date.now() - Date.parse(launch.startedAt)) < START_GRACE_MS ? 'alive' : 'dead';
}

async function judge(
  dir: string,
  state: RunState,
  launch: Launch | undefined,
  signs: LifeSigns | undefined,
  own: boolean,
): Promise<Judgement> {
  if (!own) return judgeForeign(dir, state, signs);
  const attempt = await pendingStart(state, launch);
  if (attempt === 'alive') return { phase: 'starting', live: true };
  if (attempt === 'dead')
    return { phase: 'failed', live: false, lost: true, reason: await lastWords(dir, 'it ended before it began') };
  // The state of a queued run that will be resumed still says how it ended before.
  if (state.state === 'queued') return { phase: 'queued', live: false };
  if (ENDED.includes(state.state)) return { phase: state.state, live: false, reason: state.exitReason };
  if (!(await isHere(state))) return judgeElsewhere(dir, state, signs);
  return (await isAlive(dir, state)) ? { phase: state.state, live: true } : endedUnexpectedly(dir, state);
}

async function endedUnexpectedly(dir: string, state: RunState): Promise<Judgement> {
  const what = `the trainer ended unexpectedly at step ${state.step}`;
  return { phase: 'failed', live: false, lost: true, reason: await lastComplaint(dir, what) };
}

/**
 * A run from elsewhere: it waits in no queue of this user, and that its process number is in use here proves nothing; it lives as
 * long as its files change.
 */
async function judgeForeign(dir: string, state: RunState, signs: LifeSigns | undefined): Promise<Judgement> {
  if (state.state === 'queued')
    return { phase: 'interrupted', live: false, reason: 'it was queued elsewhere, and does not start here by itself' };
  if (ENDED.includes(state.state)) return { phase: state.state, live: false, reason: state.exitReason };
  if ((await isHere(state)) && !(await isAlive(dir, state))) return endedUnexpectedly(dir, state);
  return judgeElsewhere(dir, state, signs);
}

/** A run of another machine goes on until it has been silent for long, by the clock of this one. */
async function judgeElsewhere(dir: string, state: RunState, signs: LifeSigns | undefined): Promise<Judgement> {
  const silentMs = await (signs ?? new LifeSigns()).silence(dir, state);
  if (silentMs < SILENCE_LIMIT_MS) return { phase: state.state, live: true, silentMs };
  const lostOn = state.host ?? 'another machine';
  const what = `no sign of life from ${lostOn} since step ${state.step}`;
  return { phase: 'failed', live: false, lost: true, lostOn, reason: await lastComplaint(dir, what) };
}

interface Judgement {
  readonly phase: RunPhase;
  readonly live: boolean;
  /** A process that should be there is gone. */
  readonly lost?: boolean;
  readonly silentMs?: number;
  readonly lostOn?: string;
  readonly reason?: string | undefined;
}

/** A step of a large network may take so long. */
const SILENCE_TOLD_S = 30;

/**
 * What is known of the run in a directory.
 *
 * @param signs what was seen of it before, for a run on another machine; without it such a run is taken at its word
 * @throws UserError when run.json is missing or malformed.
 */
export async function summarizeRun(dir: string, signs?: LifeSigns): Promise<RunSummary> {
  const launch = await readLaunch(dir);
  let state = await readRunState(dir);
  let own = await isOwnRun(dir, state);
  let judgement = await judge(dir, state, launch, signs, own);
  if (judgement.lost) {
    // The process may have written its end and gone between the two looks; what is there now is its last word.
    state = await readRunState(dir);
    own = await isOwnRun(dir, state);
    judgement = await judge(dir, state, launch, signs, own);
  }
  const { phase, live, reason, silentMs = 0 } = judgement;
  const place = (launch?.startedAt ?? '') > (state.ended ?? '') || state.host === undefined ? launch : state;
  // Told in steps: what is shown need not change every second.
  const silent = Math.floor(silentMs / 10_000) * 10;
  return {
    dir,
    label: runLabel(dir),
    state,
    phase,
    live,
    here: !live || (own && (place === undefined || (await isHere(place)))),
    ...(!own && { foreign: FOREIGN }),
    ...(judgement.lostOn !== undefined && { lostOn: judgement.lostOn }),
    ...(silent >= SILENCE_TOLD_S && { silentSeconds: silent }),
    ...(reason !== undefined && { reason }),
    ...(launch && { launch }),
  };
}

/** The last line that a process printed, which is where it says why it could not begin. */
async function lastWords(dir: string, what: string): Promise<string> {
  const [last] = await lastLines(runFiles(dir).output, 1);
  return last ? `${what}: ${last}` : what;
}

const COMPLAINT = /error|fatal|exception|abort|killed|out of memory|no space/i;

/** The last complaint among what a process printed; one that was killed from outside leaves none. */
async function lastComplaint(dir: string, what: string): Promise<string> {
  const complaint = (await lastLines(runFiles(dir).output, 20)).reverse().find((line) => COMPLAINT.test(line));
  return complaint ? `${what}: ${complaint.trim()}` : what;
}

const TAIL_BYTES = 16 * 1024;

/** The last lines of a text file that are not empty, at most `count`; none when there is no file. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const handle = await openRegular(file).catch(() => undefined);
  if (!handle) return [];
  try {
    const { size } = await handle.stat();
    const length = Math.min(TAIL_BYTES, size);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    const lines = buffer.toString('utf8', 0, bytesRead).split(/[\r\n]+/);
    return lines.filter((line) => line.trim() !== '').slice(-count);
  } finally {
    await handle.close();
  }
}

/** The last lines of a run's log, or of what it printed when it has written no log. */
export async function lastLogLines(dir: string, count: number): Promise<string[]> {
  const log = await lastLines(runFiles(dir).log, count);
  return log.length > 0 ? log : lastLines(runFiles(dir).output, count);
}
