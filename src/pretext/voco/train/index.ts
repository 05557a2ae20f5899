import type { PretrainConfig } from '../../../config';
import type { RunEstimate } from '../../../protocol/estimate';
import { readCheckpoint, VALIDATION_PREFIX } from '../../../runs';
import { useDevice } from '../../../tensor/backends';
import { ProgressBar } from '../../../text/progressBar';
import { describeEstimate } from '../../../train/describeEstimate';
import { estimateRun, timeSteps } from '../../../train/estimate';
import { runLoop, startJob, warner, type Running, type TrainingJob, type TrainingResult } from '../../../train/job';
import { TrainingLoop } from '../../../train/loop';
import { prepareRun, type RunRequest } from '../../../train/prepare';
import type { RunRecorder } from '../../../train/recorder';
import { restore } from '../../../train/state';
import type { Say } from '../../../train/types';
import { optimizerFor, stepsAhead } from '../../../train/update';
import type { CropLoader, LoadedBatch } from '../../../loader';
import { buildLoader, buildModel, buildOptimizer, buildSchedule, findCases, type Cases } from './build';
import { availableMemory, estimateCost } from './memory';
import { checkCases } from './preflight';
import { trialSteps } from './trial';
import { PretrainStep } from './step';
import { PretrainTask } from './task';

export type { RunRequest as PretrainRequest } from '../../../train/prepare';
export type { TrainingResult as PretrainResult } from '../../../train/job';

interface Plan extends TrainingJob {
  readonly config: PretrainConfig;
  readonly cases: Cases;
  readonly estimate: RunEstimate;
}

async function plan(request: RunRequest, say: Say): Promise<Plan> {
  const prepared = await prepareRun('pretrain', request, say);
  const { config } = prepared;
  const cases = await findCases(config);
  const warnings = [...prepared.warnings, ...(await checkCases(config, cases))];
  warnings.forEach(say);
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  say(`device: ${device.name}, ${device.description}`);
  const available = availableMemory();
  const cost = estimateCost(config, available);
  const steps = config.train.steps - (prepared.checkpoint?.step ?? 0);
  const estimate = await estimateRun({ config, device, cases, cost, available, steps, warnings });
  // A choice made by free memory is part of the run: resuming must not make it again.
  const fixed = { ...config, device: device.name, train: { ...config.train, microBatch: cost.microBatch } };
  const { steps: totalSteps, initFrom } = config.train;
  return { prepared, config: fixed, totalSteps, cases, estimate, device, warnings, initFrom };
}

async function buildLoop(plan: Plan, running: Running, loader: CropLoader): Promise<TrainingLoop<LoadedBatch>> {
  const { config, cases, prepared, estimate, device } = plan;
  const { checkpoint } = prepared;
  const { clipNorm } = config.optimizer;
  const { microBatch } = estimate.network;
  const { steps, validateEvery, checkpointEvery, keepLast, initFrom } = config.train;
  const { validation } = cases;
  const model = buildModel(config);
  const optimizer = optimizerFor(device.precision, buildOptimizer(config.optimizer, model));
  const ahead = stepsAhead(device);
  if (checkpoint) restore(await readCheckpoint(checkpoint.file), checkpoint.file, model, optimizer);
  else if (initFrom) restore(await readCheckpoint(initFrom), initFrom, model, undefined);
  const schedule = buildSchedule(config);
  const step = new PretrainStep({
    model,
    optimizer,
    schedule,
    microBatch,
    clipNorm,
    seed: config.seed,
    readLate: ahead > 0,
  });
  const best = { metric: `${VALIDATION_PREFIX}loss`, goal: 'min' } as const;
  const settings = {
    ...running,
    config,
    totalSteps: steps,
    validateEvery,
    checkpointEvery,
    retention: { keepLast, ...(validation.length > 0 && { best }) },
    checkpointAtValidation: false,
    startStep: checkpoint?.step ?? 0,
    stepsAhead: ahead,
  };
  return new TrainingLoop(settings, new PretrainTask({ microBatch, model, optimizer, step, loader, validation }));
}

async function train(planned: Plan, runDir: string, recorder: RunRecorder): Promise<TrainingResult> {
  const { config, cases, prepared, totalSteps } = planned;
  const startStep = prepared.checkpoint?.step ?? 0;
  const running = { runDir, recorder, bar: new ProgressBar('pre-training', totalSteps, startStep) };
  const loader = buildLoader(config, cases.train, startStep, warner(running));
  try {
    return await runLoop(await buildLoop(planned, running, loader), running);
  } finally {
    await loader.close();
  }
}

/**
 * Pre-trains from a config to checkpoints: checks, estimates, trains, and leaves a run directory that tells all of it.
 *
 * @throws UsageError for a wrong config, UserError when data, device or disk fail; the run is then marked as failed.
 */
export async function pretrain(request: RunRequest, say: Say): Promise<TrainingResult> {
  const planned = await plan(request, say);
  describeEstimate(planned.estimate).forEach(say);
  return startJob(planned, say, (runDir, recorder) => train(planned, runDir, recorder));
}

/**
 * What a pre-training would take: the same checks, then a few steps on made-up crops. Nothing is written.
 *
 * @throws UsageError for a wrong config, UserError when data or device would make the run fail.
 */
export async function estimatePretrain(request: RunRequest, say: Say): Promise<RunEstimate> {
  const { config, estimate } = await plan(request, say);
  return timeSteps(estimate, (crops) => trialSteps(config, crops), say);
}
