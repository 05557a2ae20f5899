import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainerCommand, TrainerStatus } from '../protocol/trainer';
import type { RunPhase, RunStatePatch } from '../runs';
import type { Watch } from '../train';

const PAUSE_POLL_MS = 200;

type Run = Parameters<Watch>[0];

/** What the control socket and signals ask of a study: passed on to the run that is at work, and kept for those after it. */
export class StudySteering {
  private run: Run | undefined;
  private paused = false;
  private start = { at: performance.now(), steps: 0 };
  reason: string | undefined;

  constructor(private readonly totalSteps: number) {}

  get stopping(): boolean {
    return this.reason !== undefined;
  }

  /** Steps of the run that is at work. */
  get stepsOfCurrent(): number {
    return this.run?.stepsDone ?? 0;
  }

  /** The queue begins, with steps that were done before: estimates count from here. */
  begin(steps: number): void {
    this.start = { at: performance.now(), steps };
  }

  /** A run begins. */
  enter(run: Run): void {
    this.run = run;
    if (this.paused) run.command('pause');
    if (this.reason !== undefined) run.stop(this.reason);
  }

  /** A run has ended. One that was stopped by itself stops the study: nobody stops a run to have the next one start. */
  leave(): void {
    const { run } = this;
    if (run?.reason !== undefined) this.stop(run.reason);
    this.run = undefined;
  }

  stop(reason: string): void {
    this.reason ??= reason;
    this.run?.stop(this.reason);
  }

  async whilePaused(): Promise<void> {
    while (this.paused && !this.stopping) await sleep(PAUSE_POLL_MS);
  }

  /** The state of the study, and what the run at work is at. */
  get standing(): Pick<RunStatePatch, 'state' | 'activity'> & { readonly state: RunPhase } {
    const { state, activity } = this.run?.command('status') ?? {};
    const paused = state === 'pausing' ? 'pausing' : 'paused';
    return { state: this.stopping ? 'stopping' : this.paused ? paused : 'running', activity };
  }

  /** @param stepsDone steps of all runs so far */
  command(command: TrainerCommand, stepsDone: number): TrainerStatus {
    if (command === 'pause') this.paused = true;
    if (command === 'resume') this.paused = false;
    if (command === 'stop') this.stop('stopped on request');
    else this.run?.command(command);
    const secondsPerStep = (performance.now() - this.start.at) / 1000 / (stepsDone - this.start.steps);
    const known = stepsDone > this.start.steps;
    return {
      ...this.standing,
      step: stepsDone,
      totalSteps: this.totalSteps,
      ...(known && { secondsPerStep, secondsLeft: secondsPerStep * (this.totalSteps - stepsDone) }),
    };
  }
}
