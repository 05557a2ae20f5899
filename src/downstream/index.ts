import { join } from 'node:path';
import type { FinetuneConfig } from '../config';
import { checkDataset, type Finding } from '../check/dataset';
import type { ClassifiedCase } from '../data/classified';
import { UsageError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import type { RunEstimate } from '../protocol/estimate';
import { describeInit, readCheckpoint, VALIDATION_PREFIX, writeInitReport } from '../runs';
import { useDevice } from '../tensor/backends';
import { availableMemory } from '../pretext/voco/train/memory';
import { ProgressBar } from '../text/progressBar';
import { describeEstimate } from '../train/describeEstimate';
import { estimateRun, timeSteps } from '../train/estimate';
import { runLoop, startJob, warner, type Running, type TrainingJob, type TrainingResult } from '../train/job';
import { TrainingLoop, type TrainingBatch } from '../train/loop';
import { prepareRun, type RunRequest } from '../train/prepare';
import type { RunRecorder } from '../train/recorder';
import { restore } from '../train/state';
import type { Say } from '../train/types';
import { optimizerFor, stepsAhead } from '../train/update';
import { initializeFrom } from '../convert/initialize';
import { warnOfOverwriting } from '../convert/overwriting';
import {
  buildOptimizer,
  findClassifiedCases,
  findLabelledCases,
  type Cases,
  type Trainable,
  type Trained,
} from './build';
import { finetuneCost } from './cost';
import { finetuneSchedule, runLength, type RunLength } from './length';
import { classification, isClassification, segmentation, type Recipe } from './recipes';
import { trialSteps } from './trial';

const MAX_SHOWN = 10;

interface Plan extends TrainingJob {
  readonly config: FinetuneConfig;
  readonly cases: Cases;
  readonly estimate: RunEstimate;
  readonly length: RunLength;
}

const describeFinding = ({ file, message, advice }: Finding): string => `${file}: ${message}; ${advice}`;

/** Looks at the headers of all images and labels. @returns warnings @throws UserError listing what would make the run fail */
async function checkCases(config: FinetuneConfig, cases: Cases): Promise<string[]> {
  const findings = await checkDataset({
    cases: cases.train,
    validation: cases.validation,
    labels: !isClassification(config),
    channel: config.data.channel,
    preprocess: config.data.preprocess,
  });
  const errors = findings.filter(({ severity }) => severity === 'error').map(describeFinding);
  if (errors.length > 0) {
    const more = errors.length > MAX_SHOWN ? [`… and ${errors.length - MAX_SHOWN} more: see voco check`] : [];
    throw new UserError([...errors.slice(0, MAX_SHOWN), ...more].join('\n'));
  }
  return findings.filter(({ severity }) => severity === 'warning').map(describeFinding);
}

/** The cases of a config, of either kind of task. @throws UserError naming the list at fault */
export function findAllCases(config: FinetuneConfig): Promise<Cases> {
  return isClassification(config) ? findClassifiedCases(config) : findLabelledCases(config);
}

async function plan(request: RunRequest, say: Say): Promise<Plan> {
  const prepared = await prepareRun('finetune', request, say);
  const { config } = prepared;
  const cases = await findAllCases(config);
  const warnings = [...prepared.warnings, ...(await checkCases(config, cases))];
  warnings.forEach(say);
  const length = runLength(config, cases.train.length);
  const done = prepared.checkpoint?.step ?? 0;
  if (prepared.resumed && done >= length.totalSteps) {
    throw new UsageError(
      `${prepared.runDir}: this run has done all of its ${length.totalSteps} steps; ` +
        'to go on, add --set train.epochs=N with a larger number',
    );
  }
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  say(`device: ${device.name}, ${device.description}`);
  const available = availableMemory();
  const cost = finetuneCost(config, available);
  const steps = length.totalSteps - done;
  const estimate = await estimateRun({ config, device, cases, cost, available, steps, warnings });
  // A choice made by free memory is part of the run: resuming must not make it again.
  const fixed = { ...config, device: device.name, train: { ...config.train, microBatch: cost.microBatch } };
  const initFrom = config.init.checkpoint;
  const { totalSteps } = length;
  return { prepared, config: fixed, totalSteps, cases, estimate, length, device, warnings, initFrom };
}

/** Which cases a run learns from and is measured on, for the record. */
async function recordCases(runDir: string, { train, validation }: Cases): Promise<void> {
  const ids = (list: Cases['train']): string[] => list.map(({ id }) => id);
  const text = JSON.stringify({ train: ids(train), validation: ids(validation) }, null, 2);
  await writeFileAtomically(join(runDir, 'cases.json'), `${text}\n`);
}

/** The weights that a new run starts from, and the report of them. */
async function initialize(config: FinetuneConfig, network: Trainable, running: Running, say: Say): Promise<void> {
  const { optimizer } = config;
  const { checkpoint, branch, kernelScale, freezeEncoder, encoderRate } = config.init;
  if (!checkpoint) return;
  const report = await initializeFrom(checkpoint, network.parameters, { branch, kernelScale });
  await writeInitReport(running.runDir, report);
  const lines = describeInit(report);
  if (optimizer.name === 'adamw') {
    const rateOf = (name: string): number =>
      optimizer.lr * (network.isEncoderParameter(name) ? (freezeEncoder ? 0 : encoderRate) : 1);
    const danger = await warnOfOverwriting(network.parameters, report.loaded, rateOf);
    if (danger) lines.push(danger);
  }
  lines.forEach(say);
  await running.recorder.log(lines.join('\n'));
}

/** The loop of a run from its weights, those of its checkpoint or those that it starts from. */
async function loopOf<Batch extends TrainingBatch>(
  plan: Plan,
  running: Running,
  recipe: Recipe<Batch>,
  trained: Trained,
  say: Say,
): Promise<TrainingLoop<Batch>> {
  const { config, cases, length, prepared } = plan;
  const { checkpoint } = prepared;
  const { network } = recipe;
  const ahead = stepsAhead(plan.device);
  if (checkpoint)
    restore(await readCheckpoint(checkpoint.file), checkpoint.file, network.parameters, trained.optimizer);
  else {
    await initialize(config, network, running, say);
    await recipe.prepare?.(warner(running));
  }
  await recordCases(running.runDir, cases);
  const startStep = checkpoint?.step ?? 0;
  const { keepLast } = config.train;
  const best = { metric: `${VALIDATION_PREFIX}${recipe.score}`, goal: 'max' } as const;
  const settings = {
    ...running,
    config,
    ...length,
    retention: { keepLast, ...(cases.validation.length > 0 && { best }) },
    checkpointAtValidation: true,
    startStep,
    stepsAhead: ahead,
  };
  const schedule = finetuneSchedule(config, length);
  const task = recipe.task({
    trained,
    schedule,
    readLate: ahead > 0,
    startStep,
    onWarning: warner(running),
  });
  return new TrainingLoop(settings, task);
}

/** Trains and gives the memory of the weights back, since a process may fine-tune several times. */
async function trainWith<Batch extends TrainingBatch>(
  plan: Plan,
  running: Running,
  recipe: Recipe<Batch>,
  say: Say,
  watch: Watch,
): Promise<TrainingResult> {
  const { network } = recipe;
  network.checkSize(plan.config.crops.size);
  const raw = buildOptimizer(plan.config, network, plan.totalSteps);
  const built = { ...raw, optimizer: optimizerFor(plan.device.precision, raw.optimizer) };
  try {
    const loop = await loopOf(plan, running, recipe, built, say);
    watch(loop);
    return await runLoop(loop, running);
  } finally {
    built.optimizer.dispose();
    network.parameters.dispose();
  }
}

async function train(
  plan: Plan,
  runDir: string,
  recorder: RunRecorder,
  say: Say,
  watch: Watch,
): Promise<TrainingResult> {
  const { config, cases, estimate, totalSteps } = plan;
  const bar = new ProgressBar('fine-tuning', totalSteps, plan.prepared.checkpoint?.step ?? 0);
  const running = { runDir, recorder, bar };
  if (isClassification(config)) {
    const recipe = classification(config, cases as Cases<ClassifiedCase>);
    return trainWith(plan, running, recipe, say, watch);
  }
  return trainWith(plan, running, segmentation(config, cases, estimate.network.microBatch), say, watch);
}

/** Hands a loop that is about to run to whoever steers it besides its own control socket. */
export type Watch = (loop: Pick<TrainingLoop<TrainingBatch>, 'command' | 'stop' | 'stepsDone' | 'reason'>) => void;

/**
 * Fine-tunes a network for segmentation or for classification of volumes: the recipe of the released code, with the guarantees
 * of pre-training (exact resume, no checkpoint of broken weights, control socket, signals).
 *
 * @throws UsageError for a wrong config, UserError when data, device or disk fail; the run is then marked as failed.
 */
export async function finetune(request: RunRequest, say: Say, watch: Watch = () => undefined): Promise<TrainingResult> {
  const planned = await plan(request, say);
  describeEstimate(planned.estimate).forEach(say);
  say(`length: ${planned.totalSteps} steps, validation every ${planned.length.validateEvery}`);
  return startJob(planned, say, (runDir, recorder) => train(planned, runDir, recorder, say, watch));
}

/**
 * What a fine-tuning would take: the same checks, then a few steps on made-up crops. Nothing is written.
 *
 * @throws UsageError for a wrong config, UserError when data or device would make the run fail.
 */
export async function estimateFinetune(request: RunRequest, say: Say): Promise<RunEstimate> {
  const { config, estimate, length } = await plan(request, say);
  return timeSteps(estimate, (crops) => trialSteps(config, length, crops), say);
}
