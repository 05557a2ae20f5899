import { hostname } from 'node:os';
import process from 'node:process';
import type { Config } from '../config';
import { cacheFolder, tidyCache } from '../data/cache';
import { ExitCode } from '../errors/userError';
import { ControlServer, RunStateFile } from '../runs';
import type { DeviceInfo } from '../tensor/backends';
import { Interruption } from '../rpc/interruption';
import { type ProgressBar } from '../text/progressBar';
import { version } from '../text/version';
import type { LoopOutcome, LoopBatch, TrainingLoop } from './loop';
import { openRunDirectory, removeLeftovers, type PreparedRun } from './prepare';
import { RunRecorder } from './recorder';
import type { Say } from './types';
import { formatDuration } from '../text';

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

/** Runs a loop with its control socket and signals, and records how it ended. */
async function supervise<B extends LoopBatch>(
  loop: TrainingLoop<B>,
  { runDir, recorder, bar }: Running,
): Promise<LoopOutcome> {
  const control = await ControlServer.start(runDir, (command) => loop.command(command));
  const interruption = new Interruption((signal) => {
    loop.stop(`interrupted by ${signal}`);
    bar.message(`${signal}: writing a checkpoint and stopping; again to quit without one`);
  });
  try {
    await recorder.patch({ state: 'running', control: control.address });
    const outcome = await loop.run();
    const ended = { ended: new Date().toISOString(), step: loop.stepsDone, control: undefined };
    await recorder.patch({ ...ended, state: outcome, ...(loop.reason && { exitReason: loop.reason }) });
    return outcome;
  } finally {
    bar.end();
    interruption.dispose();
    await control.close();
  }
}

/** Runs a loop to its end and reports the outcome. */
export async function runLoop<B extends LoopBatch>(loop: TrainingLoop<B>, running: Running): Promise<TrainingResult> {
  const { runDir, recorder } = running;
  const started = performance.now();
  const outcome = await supervise(loop, running);
  const seconds = (performance.now() - started) / 1000;
  await recorder.log(`${outcome} at step ${loop.stepsDone} after ${formatDuration(seconds)}`);
  const plot = await recorder.plot();
  const exitCode = outcome === 'finished' ? ExitCode.done : ExitCode.interrupted;
  return { runDir, outcome, step: loop.stepsDone, plot, exitCode };
}

async function fail(state: RunStateFile, recorder: RunRecorder | undefined, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  // The disk may be the very thing that failed: what cannot be recorded is still printed and thrown.
  await recorder?.log(`failed: ${reason}`).catch(() => undefined);
  const patch = { state: 'failed' as const, ended: new Date().toISOString(), exitReason: reason, control: undefined };
  await state.update(patch).catch(() => undefined);
}

/**
 * Makes the run directory of a job, or takes it over, and trains in it. When that fails, the run is marked as failed.
 *
 * @param train builds the loop and runs it; the recorder is closed afterwards.
 */
export async function startJob(
  job: TrainingJob,
  say: Say,
  train: (runDir: string, recorder: RunRecorder) => Promise<TrainingResult>,
): Promise<TrainingResult> {
  const { prepared, config, device, totalSteps } = job;
  const runDir = await openRunDirectory(prepared, config, totalSteps);
  const state = await RunStateFile.open(runDir);
  const resumeStep = prepared.resumed ? (prepared.checkpoint?.step ?? 0) : undefined;
  await state.claim(
    {
      step: resumeStep ?? 0,
      totalSteps,
      device: device.name,
      versions: { voco: version, node: process.versions.node },
      ...(job.initFrom && { initFrom: job.initFrom }),
      ...(resumeStep !== undefined && { resumedAt: [...(state.state.resumedAt ?? []), resumeStep] }),
    },
    { takeOver: prepared.takeOver, say },
  );
  let recorder: RunRecorder | undefined;
  try {
    if (prepared.resumed) await removeLeftovers(runDir);
    if (config.data.cache.enabled) await tidyCache(cacheFolder(config.data.cache.folder));
    recorder = new RunRecorder(runDir, state);
    const goingOn = resumeStep === undefined ? '' : `, continuing from step ${resumeStep}`;
    say(`run: ${runDir}${goingOn}`);
    await recorder.log(`voco ${version} on ${hostname()}, process ${process.pid}, device ${device.name}${goingOn}`);
    for (const warning of job.warnings) await recorder.log(warning);
    return await train(runDir, recorder);
  } catch (error) {
    await fail(state, recorder, error);
    throw error;
  } finally {
    await recorder?.close();
    await state.release();
  }
}
