import { setTimeout as sleep } from 'node:timers/promises';
import type { Activity, TrainerCommand, TrainerStatus } from '../protocol/trainer';
import { breathe, type Watched } from '../rpc/breath';

const PAUSE_POLL_MS = 200;

/** Work was left between two of its pieces, since a pause or the end was asked for. */
export class BrokenOff extends Error {
  constructor() {
    super('broken off on request');
  }
}

/** What the loop tells of itself. */
export interface Standing {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss?: number | undefined;
  readonly secondsPerStep: number;
  readonly checkpoint?: string | undefined;
}

/** What a run answers: states as in run.json. */
export type SteeredPhase = 'starting' | 'running' | 'pausing' | 'paused' | 'stopping';

/**
 * What the control socket and signals ask of a run, from before its first step on, and what it is at meanwhile. Long work looks here
 * between its pieces.
 */
export class Steering implements Watched {
  private pauseWanted = false;
  private stopReason: string | undefined;
  private failure: unknown;
  private held = false;
  private standing: () => Standing | undefined = () => undefined;
  private readonly waiting = new Set<() => void>();
  private current: (Activity & { readonly since: number }) | undefined;
  /** Asked for by the control socket; the loop writes it when it can. */
  checkpointWanted = false;
  /** Called when what is asked for, or whether the run holds, has changed. */
  onChange: () => void = () => undefined;
  /** Called when a pause begins, before the run counts as paused. */
  onHold: () => Promise<void> = async () => undefined;
  /** Called during a pause when a checkpoint is asked for. */
  onCheckpoint: () => Promise<void> = async () => undefined;
  /** Called when the run goes on after a pause. */
  onResume: () => Promise<void> = async () => undefined;

  /** The loop runs from now on. */
  begin(standing: () => Standing): void {
    this.standing = standing;
    this.current = undefined;
    this.changed();
  }

  get stepsDone(): number {
    return this.standing()?.step ?? 0;
  }

  /** Why the run was asked to stop, if it was; a failure is no request. */
  get reason(): string | undefined {
    return this.failure === undefined ? this.stopReason : undefined;
  }

  get stopping(): boolean {
    return this.stopReason !== undefined;
  }

  get paused(): boolean {
    return this.pauseWanted && !this.stopping;
  }

  get phase(): SteeredPhase {
    if (this.stopping) return 'stopping';
    if (this.pauseWanted) return this.held ? 'paused' : 'pausing';
    return this.standing() ? 'running' : 'starting';
  }

  /** What the run is at, and for how many milliseconds. */
  get activity(): { readonly shown: Activity; readonly lastsMs: number } | undefined {
    if (!this.current) return undefined;
    const { since, ...shown } = this.current;
    return { shown, lastsMs: performance.now() - since };
  }

  tell(what: string, share?: number): void {
    const since = this.current?.what === what ? this.current.since : performance.now();
    this.current = { what, since, ...(share !== undefined && { share }) };
  }

  /** Nothing but steps. */
  untell(): void {
    this.current = undefined;
  }

  /** Asks the run to write a checkpoint and end. */
  stop(reason: string): void {
    if (this.stopping) return;
    this.stopReason = reason;
    this.changed();
  }

  /** Ends the work under way with an error that was found beside it. */
  fail(error: unknown): void {
    this.failure ??= error;
    this.stop('failed');
  }

  /** What the control socket answers. */
  command(command: TrainerCommand): TrainerStatus {
    if (command === 'pause') this.pauseWanted = true;
    if (command === 'resume') this.pauseWanted = false;
    if (command === 'checkpoint') this.checkpointWanted = true;
    if (command === 'stop') this.stop('stopped on request');
    if (command === 'pause' || command === 'resume') this.changed();
    const { step = 0, totalSteps = 0, loss, secondsPerStep = NaN, checkpoint } = this.standing() ?? {};
    const left = secondsPerStep * (totalSteps - step);
    return {
      state: this.phase,
      step,
      totalSteps,
      loss,
      ...(Number.isFinite(left) && { secondsPerStep, secondsLeft: left }),
      checkpoint,
      ...(this.activity && { activity: this.activity.shown }),
    };
  }

  private changed(): void {
    for (const tell of this.waiting) tell();
    this.onChange();
  }

  /** Between two pieces of work that can wait where it is: holds during a pause. @throws BrokenOff when the run is to stop */
  async giveWay(): Promise<void> {
    await breathe();
    if (this.paused) await this.hold();
    this.leaveIfStopping();
  }

  /** Between two pieces of work that is done again later: it is left for a pause as well. @throws BrokenOff */
  async breakOff(): Promise<void> {
    await breathe();
    if (this.paused) throw new BrokenOff();
    this.leaveIfStopping();
  }

  /** Waits for work that goes on by itself, until a pause or the end is asked for. @throws BrokenOff */
  race<T>(work: Promise<T>): Promise<T> {
    return this.unless(work, () => this.paused || this.stopping);
  }

  /** Waits for work that goes on by itself, until the end is asked for. @throws BrokenOff */
  untilStopped<T>(work: Promise<T>): Promise<T> {
    return this.unless(work, () => this.stopping);
  }

  private async unless<T>(work: Promise<T>, leave: () => boolean): Promise<T> {
    let tell = (): void => undefined;
    const asked = new Promise<void>((done) => {
      tell = () => {
        if (leave()) done();
      };
      this.waiting.add(tell);
      tell();
    });
    try {
      const found = await Promise.race([work.then((value) => ({ value })), asked]);
      if (found) return found.value;
      throw (this.failure as Error | undefined) ?? new BrokenOff();
    } finally {
      this.waiting.delete(tell);
    }
  }

  private leaveIfStopping(): void {
    if (this.failure !== undefined) throw this.failure as Error;
    if (this.stopping) throw new BrokenOff();
  }

  private async hold(): Promise<void> {
    await this.onHold();
    this.held = true;
    this.changed();
    while (this.paused) {
      await sleep(PAUSE_POLL_MS);
      if (this.checkpointWanted) await this.onCheckpoint();
    }
    this.held = false;
    this.changed();
    await this.onResume();
  }
}
