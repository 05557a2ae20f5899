import { hostname } from 'node:os';
import process from 'node:process';
import type { PretrainConfig } from '../../config';
import { ExitCode } from '../../errors/userError';
import { ControlServer, readCheckpoint, RunStateFile } from '../../runs';
import { useDevice, type DeviceInfo } from '../../tensor/backends';
import type { CropLoader } from '../loader';
import { Interruption } from '../interruption';
import { formatDuration, ProgressBar } from '../progress';
import { version } from '../version';
import { buildLoader, buildModel, buildOptimizer, buildSchedule, findCases, type Cases } from './build';
import { PretrainLoop, type LoopOutcome } from './loop';
import { availableMemory, estimateCost, type CostEstimate } from './memory';
import { checkCases, describeCost } from './preflight';
import { openRunDirectory, prepareRun, type PreparedRun, type PretrainRequest } from './prepare';
import { RunRecorder } from './recorder';
import { restore } from './state';
import { PretrainStep } from './step';

export type { PretrainRequest } from './prepare';

export interface PretrainResult {
  readonly runDir: string;
  readonly outcome: LoopOutcome;
  readonly step: number;
  readonly plot: string;
  readonly exitCode: number;
}

interface Plan {
  readonly prepared: PreparedRun;
  readonly config: PretrainConfig;
  readonly cases: Cases;
  readonly cost: CostEstimate;
  readonly device: DeviceInfo;
  /** What the config and the data gave cause for, one line each. */
  readonly warnings: readonly string[];
}

type Say = (text: string) => void;

async function plan(request: PretrainRequest, say: Say): Promise<Plan> {
  const prepared = await prepareRun(request, say);
  const { config } = prepared;
  const cases = await findCases(config);
  const warnings = [...prepared.warnings, ...(await checkCases(config, cases))];
  warnings.forEach(say);
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  say(`device: ${device.name}, ${device.description}`);
  const available = availableMemory();
  const cost = estimateCost(config, available);
  const left = config.train.steps - (prepared.checkpoint?.step ?? 0);
  (await describeCost(config, cases, cost, available, left)).forEach(say);
  // A choice made by free memory is part of the run: resuming must not make it again.
  const fixed = { ...config, device: device.name, train: { ...config.train, microBatch: cost.microBatch } };
  return { prepared, config: fixed, cases, cost, device, warnings };
}

interface Running {
  readonly runDir: string;
  readonly recorder: RunRecorder;
  readonly bar: ProgressBar;
  readonly loader: CropLoader;
}

async function buildLoop(plan: Plan, running: Running): Promise<PretrainLoop> {
  const { config, cases, prepared, cost } = plan;
  const { checkpoint } = prepared;
  const model = buildModel(config);
  const optimizer = buildOptimizer(config.optimizer, model);
  if (checkpoint) restore(await readCheckpoint(checkpoint.file), checkpoint.file, model, optimizer);
  else if (config.train.initFrom) {
    restore(await readCheckpoint(config.train.initFrom), config.train.initFrom, model, undefined);
  }
  const startStep = checkpoint?.step ?? 0;
  const { microBatch } = cost;
  const { clipNorm } = config.optimizer;
  const schedule = buildSchedule(config);
  return new PretrainLoop({
    ...running,
    config,
    microBatch,
    model,
    optimizer,
    step: new PretrainStep({ model, optimizer, schedule, microBatch, clipNorm, seed: config.seed }),
    validation: cases.validation,
    startStep,
  });
}

/** Runs a loop with its control socket and signals, and records how it ended. */
async function supervise(loop: PretrainLoop, { runDir, recorder, bar }: Running): Promise<LoopOutcome> {
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

async function fail(state: RunStateFile, recorder: RunRecorder | undefined, error: unknown): Promise<void> {
  const reason = error instanceof Error ? error.message : String(error);
  // The disk may be the very thing that failed: what cannot be recorded is still printed and thrown.
  await recorder?.log(`failed: ${reason}`).catch(() => undefined);
  const patch = { state: 'failed' as const, ended: new Date().toISOString(), exitReason: reason, control: undefined };
  await state.update(patch).catch(() => undefined);
}

async function train(planned: Plan, runDir: string, recorder: RunRecorder): Promise<PretrainResult> {
  const { config, cases, prepared } = planned;
  const startStep = prepared.checkpoint?.step ?? 0;
  const bar = new ProgressBar('pre-training', config.train.steps, startStep);
  const warn = (text: string): void => {
    bar.message(text);
    // The warning has been shown: a log that cannot be written shows soon enough in the metrics.
    void recorder.log(text).catch(() => undefined);
  };
  const loader = buildLoader(config, cases.train, startStep, warn);
  const running = { runDir, recorder, bar, loader };
  try {
    const loop = await buildLoop(planned, running);
    const started = performance.now();
    const outcome = await supervise(loop, running);
    const seconds = (performance.now() - started) / 1000;
    await recorder.log(`${outcome} at step ${loop.stepsDone} after ${formatDuration(seconds)}`);
    const plot = await recorder.plot();
    const exitCode = outcome === 'finished' ? ExitCode.done : ExitCode.interrupted;
    return { runDir, outcome, step: loop.stepsDone, plot, exitCode };
  } finally {
    await loader.close();
    await recorder.close();
  }
}

/**
 * Pre-trains from a config to checkpoints: checks, estimates, trains, and leaves a run directory that tells all of it.
 *
 * @throws UsageError for a wrong config, UserError when data, device or disk fail; the run is then marked as failed.
 */
export async function pretrain(request: PretrainRequest, say: Say): Promise<PretrainResult> {
  const planned = await plan(request, say);
  const { prepared, config, device } = planned;
  const runDir = await openRunDirectory(prepared, config);
  const state = await RunStateFile.open(runDir);
  const resumeStep = prepared.resumed ? (prepared.checkpoint?.step ?? 0) : undefined;
  await state.claim({
    step: resumeStep ?? 0,
    totalSteps: config.train.steps,
    device: device.name,
    versions: { voco: version, node: process.versions.node },
    ...(config.train.initFrom && { initFrom: config.train.initFrom }),
    ...(resumeStep !== undefined && { resumedAt: [...(state.state.resumedAt ?? []), resumeStep] }),
  });
  let recorder: RunRecorder | undefined;
  try {
    recorder = await RunRecorder.open(runDir, state, resumeStep);
    const goingOn = resumeStep === undefined ? '' : `, going on from step ${resumeStep}`;
    say(`run: ${runDir}${goingOn}`);
    await recorder.log(`voco ${version} on ${hostname()}, process ${process.pid}, device ${device.name}${goingOn}`);
    for (const warning of planned.warnings) await recorder.log(warning);
    return await train(planned, runDir, recorder);
  } catch (error) {
    await fail(state, recorder, error);
    throw error;
  }
}
