import { hostname } from 'node:os';
import process from 'node:process';
import type { Config } from '../config';
import { phasesTitle } from '../config/phases';
import { cacheFolder, tidyCache } from '../data/cache';
import { ExitCode } from '../errors/userError';
import { ControlServer, RunStateFile } from '../runs';
import type { DeviceInfo } from '../tensor/backends';
import { type ProgressBar } from '../text/progressBar';
import { version } from '../text/version';
import type { LoopOutcome, LoopBatch, TrainingLoop } from './loop';
import { openRunDirectory, removeLeftovers, type PreparedRun } from './prepare';
import { RunRecorder } from './recorder';
import type { Say } from './types';
import { BrokenOff, type Steering } from './steering';
import { activityText, formatDuration } from '../text';

export interface TrainingResult {
  readonly runDir: string;
  readonly outcome: LoopOutcome;
  readonly step: number;
  readonly plot: string;
  readonly exitCode: number;
}

/** A training that has been checked and may start. */
export interface TrainingJob {
  readonly prepared: PreparedRun;
  /** The config with what was chosen at the start: device, micro-batch. */
  readonly config: Config;
  readonly totalSteps: number;
  readonly device: DeviceInfo;
  /** What the config and the data gave cause for, one line each. */
  readonly warnings: readonly string[];
  /** Weights that the run starts from. */
  readonly initFrom: string | null;
}

export interface Running {
  readonly runDir: string;
  readonly recorder: RunRecorder;
  readonly bar: ProgressBar;
  /** Warnings that were told: none is told twice. */
  readonly told: Set<string>;
  /** Ends what shows the run's state while it is at work. */
  readonly stopShowing: () => void;
}

/** Shows a warning above the bar, and logs it, once. */
export function warner({ recorder, bar, told }: Pick<Running, 'recorder' | 'bar' | 'told'>): Say {
  return (text) => {
    if (told.has(text)) return;
    told.add(text);
    bar.message(text);
    // The warning has been shown: a log that cannot be written shows soon enough in the metrics.
    void recorder.log(text).catch(() => undefined);
  };
}

/** Runs a loop to its end and reports the outcome. */
export async function runLoop<B extends LoopBatch>(
  loop: TrainingLoop<B>,
  steering: Steering,
  running: Running,
): Promise<TrainingResult> {
  const { recorder } = running;
  const started = performance.now();
  const outcome = await loop.run();
  const seconds = (performance.now() - started) / 1000;
  await recorder.log(`${outcome} at step ${loop.stepsDone} after ${formatDuration(seconds)}`);
  return endOf(outcome, loop.stepsDone, steering, running);
}

/** Records how a run ended. */
async function endOf(
  outcome: LoopOutcome,
  step: number,
  steering: Steering,
  { runDir, recorder, stopShowing }: Pick<Running, 'runDir' | 'recorder' | 'stopShowing'>,
): Promise<TrainingResult> {
  stopShowing();
  const { reason } = steering;
  const ended = { ended: new Date().toISOString(), step, control: undefined, activity: undefined };
  await recorder.patch({
    ...ended,
    state: outcome,
    ...(outcome === 'interrupted' && reason && { exitReason: reason }),
  });
  const plot = await recorder.plot();
  const exitCode = outcome === 'finished' ? ExitCode.done : ExitCode.interrupted;
  return { runDir, outcome, step, plot, exitCode };
}

async function fail(state: RunStateFile, recorder: RunRecorder | undefined, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  // The disk may be the very thing that failed: what cannot be recorded is still printed and thrown.
  await recorder?.log(`failed: ${reason}`).catch(() => undefined);
  const ended = { ended: new Date().toISOString(), control: undefined, activity: undefined };
  const patch = { ...ended, state: 'failed' as const, exitReason: reason };
  await state.update(patch).catch(() => undefined);
}

/** A claimed run directory with what shows its state and hears commands, until it is closed. */
async function open(
  runDir: string,
  state: RunStateFile,
  { steering, bar, told }: Pick<Attended, 'steering' | 'bar' | 'told'>,
): Promise<{ running: Running; close(): Promise<void> }> {
  const recorder = new RunRecorder(runDir, state);
  const stopShowing = recorder.show(steering, (activity) => bar.meanwhile(steering.stepsDone, activityText(activity)));
  const control = await ControlServer.start(runDir, (command) => steering.command(command)).catch(async (error) => {
    stopShowing();
    await recorder.close();
    throw error;
  });
  await recorder.patch({ control: control.address });
  const close = async (): Promise<void> => {
    stopShowing();
    bar.end();
    await control.close();
    await recorder.close();
  };
  return { running: { runDir, recorder, bar, told, stopShowing }, close };
}

/** What a training is steered by and shown with. */
export interface Attended {
  readonly steering: Steering;
  readonly bar: ProgressBar;
  readonly told: Set<string>;
  readonly say: Say;
}

/**
 * Makes the run directory of a job, or takes it over, and trains in it. When that fails, the run is marked as failed.
 *
 * @param train builds the loop and runs it; the recorder is closed afterwards.
 */
export async function startJob(
  job: TrainingJob,
  attended: Attended,
  train: (running: Running) => Promise<TrainingResult>,
): Promise<TrainingResult> {
  const { prepared, config, device, totalSteps } = job;
  const { steering, say } = attended;
  const runDir = await openRunDirectory(prepared, config, totalSteps);
  const state = await RunStateFile.open(runDir);
  const resumeStep = prepared.resumed ? (prepared.checkpoint?.step ?? 0) : undefined;
  await state.claim(
    {
      step: resumeStep ?? 0,
      activity: undefined,
      totalSteps,
      device: device.name,
      versions: { voco: version, node: process.versions.node },
      ...(job.initFrom && { initFrom: job.initFrom }),
      ...(config.kind === 'finetune' && { schedule: phasesTitle(config) }),
      ...(resumeStep !== undefined && { resumedAt: [...(state.state.resumedAt ?? []), resumeStep] }),
    },
    { takeOver: prepared.takeOver, say },
  );
  let opened: Awaited<ReturnType<typeof open>> | undefined;
  try {
    if (prepared.resumed) await removeLeftovers(runDir);
    if (config.data.cache.enabled) await tidyCache(cacheFolder(config.data.cache.folder));
    opened = await open(runDir, state, attended);
    const { recorder } = opened.running;
    const goingOn = resumeStep === undefined ? '' : `, continuing from step ${resumeStep}`;
    say(`run: ${runDir}${goingOn}`);
    await recorder.log(`voco ${version} on ${hostname()}, process ${process.pid}, device ${device.name}${goingOn}`);
    for (const warning of job.warnings) await recorder.log(warning);
    return await train(opened.running).catch((error: unknown) => {
      if (!(error instanceof BrokenOff)) throw error;
      return endOf('interrupted', resumeStep ?? 0, steering, opened!.running);
    });
  } catch (error) {
    opened?.running.stopShowing();
    await fail(state, opened?.running.recorder, error);
    throw error;
  } finally {
    await opened?.close();
    await state.release();
  }
}
