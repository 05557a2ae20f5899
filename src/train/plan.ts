import type { Config, ConfigKind } from '../config';
import { stepsKept } from '../config/phases';
import { UsageError } from '../errors/userError';
import { UNWATCHED, type Watched } from '../rpc/breath';
import type { RunEstimate } from '../protocol/estimate';
import type { Cases, TrainingTask } from '../tasks';
import { useDevice, whyNoGpu } from '../tensor/backends';
import { estimateRun } from './estimate';
import { carriedBefore, checkStartingPoint, startingPoint } from './initialize';
import { refuseLostCheckpoints } from './resume';
import { tryCheckpoint } from './tryCheckpoint';
import { readSkipped } from '../runs';
import type { TrainingJob } from './job';
import type { SkipList } from './skipList';
import { runLength, type RunLength } from './length';
import { isOwed } from './loop';
import { availableMemory } from '../files/memory';
import { pieceRows, stepCost } from '../tasks/memory';
import { checkCases } from './preflight';
import { prepareRun, type PreparedRun, type RunRequest } from './prepare';
import { taskOf } from '../catalog';
import type { Say } from './types';
import { counted } from '../text';

/** A checked training: what it will do and what it will need. */
export interface Plan extends TrainingJob {
  readonly task: TrainingTask;
  /** Those that can be used, as far as that is known before the first step. */
  readonly cases: Cases;
  /** With those that are left out: which case a step sees must not depend on when it turns out that one is bad. */
  readonly listed: Cases;
  readonly skipped: SkipList;
  /** Names of weights that a fine-tuning has from its checkpoint, as they are there. */
  readonly carried: ReadonlySet<string> | undefined;
  readonly estimate: RunEstimate;
  readonly length: RunLength;
  /** Rows in memory at a time. */
  readonly microBatch: number;
  /** Share of the steps still to do that keeps the encoder as it is. */
  readonly keptShare: number;
  /** Fewest rows of a step that shows what a row takes: batch norm needs two. */
  readonly leastRows: number;
  /** Rows computed before signals are looked for. */
  readonly pieceRows: number;
}

/** Refuses to go on with a run that has done all its steps. */
function refuseFinished({ runDir, resumed, checkpoint, config }: PreparedRun, totalSteps: number): void {
  if (!resumed || !checkpoint || checkpoint.step < totalSteps || isOwed(checkpoint.metadata)) return;
  const key = config.train.steps === null ? 'train.epochs' : 'train.steps';
  throw new UsageError(
    `${runDir}: this run has finished its ${counted(totalSteps, 'step')}; to continue, add --set ${key}=N with a larger number`,
  );
}

/** Which weights of a run are those of the checkpoint of its start. A start is checked, before anything is written. */
const carriedOf = (
  { checkpoint, runDir }: PreparedRun,
  config: Config,
  task: TrainingTask,
): Promise<ReadonlySet<string> | undefined> =>
  checkpoint ? carriedBefore(config, runDir!) : checkStartingPoint(config, task);

/**
 * Reads the config, finds and checks the cases, takes the device and estimates what the run will take. Nothing is written.
 *
 * @throws UsageError for a wrong config, UserError when data or device would make the run fail.
 */
export async function planRun(
  kind: ConfigKind,
  request: RunRequest,
  say: Say,
  watched: Watched = UNWATCHED,
): Promise<Plan> {
  const prepared = await prepareRun(kind, request, say);
  const config: Config = prepared.config;
  // A length in steps needs no look at the cases.
  if (config.train.steps !== null) refuseFinished(prepared, config.train.steps);
  const task = await taskOf(config);
  const carried = await carriedOf(prepared, config, task);
  const listed = await task.findCases(config);
  const checks = task.checks(config);
  const known = prepared.resumed && config.data.onBadCase === 'skip' ? await readSkipped(prepared.runDir!) : [];
  const { warnings: found, skipped, usable: cases } = await checkCases(config, listed, checks, known, watched);
  const warnings = [...prepared.warnings, ...found];
  warnings.forEach(say);
  const length = runLength(config, listed.train.length);
  refuseFinished(prepared, length.totalSteps);
  const done = prepared.checkpoint?.step ?? 0;
  if (prepared.resumed && !prepared.checkpoint && !prepared.fromStart)
    await refuseLostCheckpoints(prepared.runDir!, length.checkpointEvery, say);
  watched.tell('starting the device');
  const device = await useDevice(config.device, { threads: config.threads, precision: config.precision });
  const { checkpoint } = prepared;
  if (checkpoint && request.set.length > 0)
    await tryCheckpoint({ checkpoint, config, cases, task, ...length, carried, precision: device.precision });
  const noGpu = await whyNoGpu(config.device, device.name);
  say(`device: ${device.name}, ${device.description}${noGpu === undefined ? '' : `; no GPU is used (${noGpu})`}`);
  const available = availableMemory();
  const taskCost = task.cost(config);
  const piece = pieceRows(config, taskCost, device.backend);
  const cost = stepCost(config, taskCost, available, piece);
  const steps = length.totalSteps - done;
  const keptShare = Math.max(0, stepsKept(config, length.totalSteps) - done) / Math.max(1, steps);
  const labels = checks.labels !== undefined;
  const estimate = await estimateRun({
    config,
    device,
    cases,
    skipped: skipped.size,
    cost,
    labels,
    available,
    steps,
    keptShare,
    warnings,
    noGpu,
  });
  // A choice made by free memory is part of the run: resuming must not make it again.
  const fixed = {
    ...config,
    device: device.name,
    train: { ...config.train, microBatch: cost.microBatch },
  } as Config;
  const { totalSteps } = length;
  const initFrom = startingPoint(config);
  const { microBatch } = cost;
  const run = { prepared, config: fixed, task, cases, listed, skipped, carried };
  return {
    ...run,
    totalSteps,
    estimate,
    length,
    microBatch,
    keptShare,
    leastRows: taskCost.tied ? 2 : 1,
    pieceRows: piece,
    device,
    warnings,
    initFrom,
  };
}
