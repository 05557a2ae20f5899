import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { UserError } from '../errors/userError';
import type { Config } from '../config/types';
import { thisMachine } from '../machine/place';
import { createRun, readRunState, refuseLinks, RunStateFile, type RunKind } from '../runs/runDirectory';
import { processStartTime } from '../machine/process';
import { readLaunch, withLaunchLock, writeLaunch, type Launch } from '../runs/launch';
import { startDetached, type Program } from './process';
import type { RunRegistry } from './runRegistry';
import { hasEnded, type RunSummary } from './runSummary';
import { runFiles } from '../runs/files';

export interface LauncherOptions {
  readonly registry: RunRegistry;
  /** Found again for every start, since settings and PATH change. */
  readonly program: () => Promise<Program>;
  /** How many runs may train on one device at a time. */
  readonly limit: () => number;
  /** Whether programs may be started at all: what is queued waits until then. */
  readonly allowed?: () => boolean;
  readonly onError: (dir: string, error: unknown) => void;
}

export interface NewJob {
  readonly kind: RunKind;
  readonly config: Config;
  readonly configFile: string;
  /** Checkpoint that the job is about, for lists to show before the trainer says so itself. */
  readonly initFrom?: string;
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
}

/** Kinds of run without checkpoints, which start from the beginning again. */
const WITHOUT_RESUME: readonly RunKind[] = ['evaluate', 'segment'];

/** Two devices that may turn out to be one: `auto` can be any of them. */
const mayShare = (a: string, b: string): boolean => a === b || a === 'auto' || b === 'auto';

const deviceOf = (run: RunSummary): string => run.launch?.device ?? run.state.device ?? 'auto';

/**
 * The queued runs that may start now, oldest first: on each device at most `limit` runs of this machine train together.
 */
export function startable(runs: readonly RunSummary[], limit: number): RunSummary[] {
  const busy = runs.filter((run) => run.live && run.here).map(deviceOf);
  const queue = runs
    .filter((run) => run.phase === 'queued' && run.launch?.host === hostname() && !run.launch.startedAt)
    .sort((a, b) => a.state.created.localeCompare(b.state.created) || a.dir.localeCompare(b.dir));
  const chosen: RunSummary[] = [];
  for (const run of queue) {
    const device = deviceOf(run);
    if (busy.filter((other) => mayShare(device, other)).length >= limit) continue;
    busy.push(device);
    chosen.push(run);
  }
  return chosen;
}

/** Starts trainers as processes of their own, one after the other where they would compete for a device. */
export class Launcher {
  private readonly subscription: { dispose(): void };
  private pumping: Promise<void> | undefined;
  private again = false;

  constructor(private readonly options: LauncherOptions) {
    this.subscription = options.registry.onDidChangePhase(() => void this.pump());
  }

  /**
   * Makes a run directory for a new job, and starts it unless its device is taken; it is then queued.
   *
   * @returns the run directory.
   */
  async submit(job: NewJob): Promise<string> {
    const { config, configFile, kind, initFrom, args } = job;
    // Of a run counted in epochs or cases the trainer knows the steps once it has seen the data.
    const totalSteps = WITHOUT_RESUME.includes(kind) ? 0 : (config.train.steps ?? 0);
    const run = { root: config.output, name: config.name, kind, config, totalSteps, configFile };
    const dir = await createRun({ ...run, ...(initFrom !== undefined && { initFrom }) });
    await writeLaunch(dir, { configFile, device: config.device, ...(await herePlace()), ...(args && { args }) });
    await this.options.registry.refresh(dir);
    await this.pump();
    return dir;
  }

  /**
   * Starts a run that has ended again, from its latest checkpoint, or queues it while its device is taken. One from elsewhere
   * becomes this user's own by it: the caller has asked.
   */
  async resume(run: RunSummary): Promise<void> {
    if (!hasEnded(run)) throw new UserError(`${run.dir}: the run has not ended, so it cannot be restarted`);
    const { kind } = run.state;
    if (run.foreign !== undefined && WITHOUT_RESUME.includes(kind)) {
      const what = kind === 'evaluate' ? 'evaluation' : 'segmentation';
      throw new UserError(`${run.label}: this ${what} comes from elsewhere; start a new one from its checkpoint`);
    }
    await refuseLinks(run.dir);
    const earlier = await readLaunch(run.dir);
    const launch: Launch = {
      configFile: earlier?.configFile ?? run.state.configFile ?? runFiles(run.dir).config,
      device: deviceOf(run),
      ...(await herePlace()),
      ...(earlier?.args && { args: earlier.args }),
      resume: true,
    };
    await writeLaunch(run.dir, launch);
    const file = await RunStateFile.open(run.dir);
    await (run.foreign === undefined ? file.update({ state: 'queued' }) : file.adopt());
    await this.options.registry.refresh(run.dir);
    await this.pump();
  }

  /** Starts what the queue allows. Called by itself whenever a run begins or ends. */
  async pump(): Promise<void> {
    if (this.pumping) {
      this.again = true;
      return this.pumping;
    }
    this.pumping = (async () => {
      do {
        this.again = false;
        await this.startQueued();
      } while (this.again);
    })().finally(() => (this.pumping = undefined));
    return this.pumping;
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private async startQueued(): Promise<void> {
    const { registry, limit, onError, allowed = () => true } = this.options;
    if (!allowed()) return;
    for (const run of startable(registry.runs, limit())) {
      try {
        await this.start(run.dir, run.launch!);
      } catch (error) {
        await markFailed(run.dir, error);
        onError(run.dir, error);
      }
      await registry.refresh(run.dir);
    }
  }

  private async start(dir: string, launch: Launch): Promise<void> {
    const program = await this.options.program();
    await withLaunchLock(dir, async () => {
      // Another window may have been first.
      if ((await readLaunch(dir))?.startedAt) return;
      const starting: Launch = { ...launch, startedAt: new Date().toISOString() };
      await writeLaunch(dir, starting);
      const { kind } = await readRunState(dir);
      const goesOn = launch.resume === true && !WITHOUT_RESUME.includes(kind);
      const own = goesOn ? [kind, '--run', dir, '--resume'] : [kind, runFiles(dir).config, '--run', dir];
      const args = [...own, ...(launch.args ?? [])];
      const { pid, ended } = await startDetached(program, args, { cwd: dirname(dir), output: runFiles(dir).output });
      const pidStart = (await processStartTime(pid)) ?? '';
      await writeLaunch(dir, { ...starting, pid, pidStart });
      void ended.then(() => this.options.registry.refresh(dir));
    });
  }
}

async function herePlace(): Promise<{ host: string; machine?: string }> {
  const machine = await thisMachine();
  return { host: hostname(), ...(machine && { machine }) };
}

async function markFailed(dir: string, error: unknown): Promise<void> {
  const file = await RunStateFile.open(dir).catch(() => undefined);
  const exitReason = error instanceof Error ? error.message : String(error);
  await file?.update({ state: 'failed', ended: new Date().toISOString(), exitReason }).catch(() => undefined);
}
